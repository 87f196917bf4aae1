import { html } from 'lit';
import type { Cart, Order } from '../api';
import { formatMoney } from '../money';
import './picture';

/** What is bought and what it comes to, as a shop's paper slip. */
export const orderSummary = ({ lines, total }: Cart | Order) => html`
  <ul class="summary-lines">
    ${lines.map(
      (line) => html`
        <li>
          <product-picture .src=${line.image}></product-picture>
          <span class="drawer-name">${line.name}<small>${line.quantity} × ${formatMoney(line.unit_price)}</small></span>
          <span class="price">${formatMoney(line.total)}</span>
        </li>
      `,
    )}
  </ul>
  <p class="sum"><span>Delivery</span><span>Included</span></p>
  <p class="sum sum-total"><span>Total</span><strong>${formatMoney(total)}</strong></p>
`;
