import { html, nothing } from 'lit';
import type { Cart, Order } from '../api';
import { formatMoney } from '../money';

/** Discounts, shipping and taxes, one row each; nothing where there are none. */
export const adjustmentRows = ({ adjustments = [], total: { currency } }: Cart | Order) =>
  adjustments.map(
    ({ label, amount }) => html`
      <p class="sum" data-testid="adjustment"><span dir="auto">${label}</span><span>${formatMoney({ amount, currency })}</span></p>
    `,
  );

/** The rows between the lines and the total, where a delivery without a price is shown as included. */
export const rowsBeforeTotal = (shown: Cart | Order) => html`
  ${adjustmentRows(shown)}
  ${shown.adjustments?.some(({ kind }) => kind === 'SHIPPING') ? nothing : html`<p class="sum"><span>Delivery</span><span>Included</span></p>`}
`;
