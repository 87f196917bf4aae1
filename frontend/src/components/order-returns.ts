import { html } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { Order, OrderReturn } from '../api';
import { formatMoment } from '../dates';
import { formatMoney } from '../money';
import { icons } from './icons';

/** What the buyer sent back, parcel by parcel, and whether its money has arrived. */
export const orderReturns = (order: Order, returns: OrderReturn[]) => html`
  <section class="returns" aria-labelledby="returns" data-testid="returns">
    <h2 id="returns" tabindex="-1">What you sent back</h2>
    <ul>
      ${repeat(returns, ({ id }) => id, (sent) => returnRow(order, sent))}
    </ul>
  </section>
`;

const returnRow = (order: Order, { status, requested_at, lines, refund }: OrderReturn) => html`
  <li class="return" data-testid="return" data-status=${status}>
    <ul class="return-goods">
      ${lines.map(({ sku, quantity }) => html`<li><span>${quantity} ×</span> ${nameOf(order, sku)}</li>`)}
    </ul>
    <time datetime=${requested_at}>${formatMoment(requested_at)}</time>
    <p class="return-state" role="status">
      ${status === 'REFUNDED'
        ? html`${icons.check} ${refund.amount ? 'Refunded' : 'Returned'}`
        : html`<i aria-hidden="true"></i> ${refund.amount ? 'Refund on its way' : 'On its way back'}`}
    </p>
    <strong class="price">${formatMoney(refund)}</strong>
  </li>
`;

const nameOf = ({ lines }: Order, sku: string) => lines.find((line) => line.sku === sku)?.name ?? sku;
