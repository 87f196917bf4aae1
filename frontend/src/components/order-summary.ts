import { html, nothing } from 'lit';
import type { Cart, CartLine, Order, OrderLine } from '../api';
import { formatMoney } from '../money';
import { sentBack } from './order-story';
import './picture';
import { rowsBeforeTotal } from './sums';

/** What is bought and what it comes to, as a shop's paper slip; of an order also what went back. */
export const orderSummary = (shown: Cart | Order) => html`
  <ul class="summary-lines">
    ${shown.lines.map(
      (line) => html`
        <li class=${isGone(line) ? 'is-gone' : ''}>
          <product-picture .src=${line.image}></product-picture>
          <span class="drawer-name">
            <span dir="auto">${line.name}</span>
            ${isGone(line) || !line.unit_price
              ? html`<small>Not sold any more</small>`
              : html`<small>${line.quantity} × ${formatMoney(line.unit_price)}</small>`}
            ${backNote(line)}
          </span>
          ${isGone(line) ? nothing : html`<span class="price">${formatMoney(line.total)}</span>`}
        </li>
      `,
    )}
  </ul>
  ${rowsBeforeTotal(shown)}
  <p class="sum sum-total"><span>Total</span><strong>${formatMoney(shown.total)}</strong></p>
  ${'payment' in shown ? refund(shown) : nothing}
`;

const isGone = (line: CartLine | OrderLine) => 'unavailable' in line && line.unavailable;

function backNote(line: CartLine | OrderLine) {
  const units = 'available' in line ? 0 : sentBack(line);
  return units ? html`<small class="sent-back">${units} sent back</small>` : nothing;
}

function refund({ payment }: Order) {
  if (!payment?.refunded) return nothing;
  const { refunded: amount, currency } = payment;
  return html`
    <p class="sum sum-refund" data-testid="refunded">
      <span>Refunded to your card</span><strong>${formatMoney({ amount, currency })}</strong>
    </p>
  `;
}
