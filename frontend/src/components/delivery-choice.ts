import { html } from 'lit';
import { icons } from './icons';

/** The shop sends in one way, and says so. A fork that offers several gives each a price and a name in the API first. */
const WAY = { name: 'Tracked post, to your door', time: 'Leaves within one working day. We mail you the tracking number.' };
const SANDBOX_TIME = 'Leaves within seconds, as this is a sandbox. No parcel is really sent.';

export const deliveryChoice = (isSandbox: boolean) => html`
  <div class="delivery" data-testid="delivery">
    <span class="delivery-mark" aria-hidden="true">${icons.parcel}</span>
    <p><strong>${WAY.name}</strong><small>${isSandbox ? SANDBOX_TIME : WAY.time}</small></p>
    <p class="price">Included</p>
  </div>
`;
