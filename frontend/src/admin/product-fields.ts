/** Form fields of a product, and how two operators' changes are merged. */
import { decimalText, minorUnits } from '../money';
import { SHOP } from '../shop';
import type { ProductDetails, StoredProduct } from './catalog-api';

/** A path of this site: pages load nothing from other hosts. */
export const PICTURE = '(/[\\p{L}\\p{N}_.\\-]+)+';
export const MOST_PICTURES = 8;

export interface Fields {
  sku?: string;
  name: string;
  description: string;
  price: string;
  category: string;
  image: string;
  images: string;
}

const NAMES: [Exclude<keyof Fields, 'sku'>, string][] = [
  ['name', 'Name'],
  ['description', 'Description'],
  ['price', 'Price'],
  ['category', 'Category'],
  ['image', 'Picture'],
  ['images', 'Further pictures'],
];

/** A field that another operator changed; `mine` if it was changed here, too, to another value. */
export interface Difference {
  name: string;
  before: string;
  theirs: string;
  mine: string | null;
}

export const fieldsOf = ({ name, description, price, category, image, images }: ProductDetails): Fields => ({
  name,
  description,
  price: decimalText(price.amount, price.currency),
  category,
  image,
  images: images.join('\n'),
});

export const detailsOf = ({ name, description, price, category, image, images }: Fields): ProductDetails => ({
  name,
  description,
  price: { amount: minorUnits(price, SHOP.currency), currency: SHOP.currency },
  category,
  image,
  images: images.split(/\s*\n\s*/).filter(Boolean),
});

export function differences(before: StoredProduct, theirs: StoredProduct, mine: Fields): Difference[] {
  const [old, now] = [fieldsOf(before), fieldsOf(theirs)];
  const changed = NAMES.filter(([name]) => old[name] !== now[name]).map(([name, label]) => ({
    name: label,
    before: old[name],
    theirs: now[name],
    mine: [old[name], now[name]].includes(mine[name]) ? null : mine[name],
  }));
  const state = ({ archived }: StoredProduct) => (archived ? 'archived' : 'in the shop');
  if (before.archived === theirs.archived) return changed;
  return [...changed, { name: 'Sold', before: state(before), theirs: state(theirs), mine: null }];
}

/** Returns the other operator's version with the fields that were changed here. */
export function merged(before: StoredProduct, theirs: StoredProduct, mine: Fields): Fields {
  const [old, now] = [fieldsOf(before), fieldsOf(theirs)];
  const kept = NAMES.filter(([name]) => mine[name] !== old[name]).map(([name]) => [name, mine[name]]);
  return { ...now, ...Object.fromEntries(kept) };
}
