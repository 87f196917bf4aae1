/** What the pages use of shop.json, the shop's configuration. The build bundles these fields and no others. */
import { currency, description, name, tagline } from '../../shop.json';

export const SHOP = { currency, description, name, tagline };
