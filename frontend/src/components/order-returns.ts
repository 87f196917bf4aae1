import { html, nothing } from 'lit';
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

const SHORTFALLS = {
  REFUNDED_BEFORE: 'Some of this was refunded before.',
  CAPTURED_LESS: 'This is all that your card was charged.',
  DISPUTE_LOST: 'Your bank gave you the rest when it decided your dispute.',
};

const returnRow = (order: Order, { status, requested_at, lines, refund, shortfall }: OrderReturn) => html`
  <li class="return" data-testid="return" data-status=${status}>
    <ul class="return-items">
      ${lines.map(({ sku, quantity }) => html`<li><span>${quantity} ×</span> ${nameOf(order, sku)}</li>`)}
    </ul>
    <time datetime=${requested_at}>${formatMoment(requested_at)}</time>
    <p class="return-state" role="status">
      ${returnState(status, refund.amount > 0)}
    </p>
    <strong class="price">${formatMoney(refund)}</strong>
    ${shortfall ? html`<p class="return-note">${SHORTFALLS[shortfall]}</p>` : nothing}
  </li>
`;

function returnState(status: OrderReturn['status'], hasMoney: boolean) {
  if (status === 'REFUND_FAILED') return html`<i aria-hidden="true"></i> The refund did not reach your card. We will send it again`;
  if (status === 'REFUNDED') return html`${icons.check} ${hasMoney ? 'Refunded' : 'Returned'}`;
  return html`<i aria-hidden="true"></i> ${hasMoney ? 'Refund on its way' : 'On its way back'}`;
}

const nameOf = ({ lines }: Order, sku: string) => lines.find((line) => line.sku === sku)?.name ?? sku;
