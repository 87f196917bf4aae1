/** What an operator reads on the phone: who bought, where the parcel goes, and what it costs line by line. */
import { html, nothing, type TemplateResult } from 'lit';
import type { Order, OrderLine } from '../../api';
import { formatMoney } from '../../money';

export const orderSheet = (order: Order): TemplateResult => html`
  <section class="panel order-sheet" aria-label="Buyer and products" data-testid="order-sheet">
    <div class="buyer-card">
      <h2>Buyer</h2>
      <p><span dir="auto" data-testid="buyer-name">${order.shipping_address.name}</span></p>
      <p><a href="mailto:${encodeURIComponent(order.email)}" data-testid="buyer-email">${order.email}</a></p>
      <h2>Ships to</h2>
      <address data-testid="shipping-label">${order.shipping_label.map((line) => html`<span dir="auto">${line}</span><br>`)}</address>
      ${phoneLink(order.shipping_address.phone)}
    </div>
    <div class="table-scroll" role="region" aria-label="Products" tabindex="0">
      <table data-testid="order-lines">
        <thead>
          <tr>
            <th scope="col">Product</th>
            <th scope="col" class="number">Units</th>
            <th scope="col" class="number optional">Unit price</th>
            <th scope="col" class="number">Amount</th>
          </tr>
        </thead>
        <tbody>
          ${order.lines.map(row)}
          ${(order.adjustments ?? []).map(({ label, amount }) => sum(label, { amount, currency: order.total.currency }))}
          ${sum('Total', order.total)}
        </tbody>
      </table>
    </div>
  </section>
`;

const phoneLink = (phone?: string | null) =>
  phone ? html`<p><a href="tel:${phone}" dir="ltr" data-testid="buyer-phone">${phone}</a></p>` : nothing;

const row = ({ sku, name, quantity, returned, unit_price, total }: OrderLine): TemplateResult => html`
  <tr>
    <th scope="row">
      <a href="/admin/catalog/${encodeURIComponent(sku)}" dir="auto">${name}</a>
      <small class="quiet mono sheet-sku">${sku}</small>
    </th>
    <td class="number">${quantity}${returned ? html` <small class="quiet">(${returned} returned)</small>` : nothing}</td>
    <td class="number optional">${formatMoney(unit_price)}</td>
    <td class="number">${formatMoney(total)}</td>
  </tr>
`;

const sum = (label: string, amount: Order['total']): TemplateResult => html`
  <tr>
    <th scope="row" dir="auto">${label}</th>
    <td></td>
    <td class="optional"></td>
    <td class="number">${formatMoney(amount)}</td>
  </tr>
`;
