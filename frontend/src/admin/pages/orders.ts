import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { List, Status } from '../../api';
import { LightElement } from '../../components/light-element';
import { formatMoney } from '../../money';
import { navigate } from '../../router';
import { setTitle } from '../../title';
import { listAllOrders, type AdminOrderSummary } from '../api';
import { orderTrack } from '../components/order-track';
import { dayTime, hasEnded, liveSign, span, STATUSES, statusBadge } from '../components/format';
import { listTable, PagedList } from '../paged-list';

const PAUSE_MS = 2_000;

@customElement('admin-orders-page')
export class AdminOrdersPage extends LightElement {
  @property() status: Status | '' = '';
  @property() customer = '';
  private list = new PagedList(
    this,
    (cursor, signal) => listAllOrders({ status: this.status, customer_id: this.customer, cursor }, signal),
    () => PAUSE_MS,
  );

  override connectedCallback(): void {
    super.connectedCallback();
    setTitle('Orders · Console');
  }

  protected override willUpdate(changed: Map<string, unknown>): void {
    if (!this.hasUpdated || !(changed.has('status') || changed.has('customer'))) return;
    this.list.restart();
  }

  protected override render() {
    return html`
      <div class="page-head"><h1>Orders</h1>${liveSign(this.list.poll)}</div>
      <div class="filters orders-filters">
        <nav class="chips" aria-label="Filter by status">
          ${['' as const, ...STATUSES].map(
            (status) => html`
              <a class="chip" href=${status ? `/admin/orders?status=${status}` : '/admin/orders'}
                aria-current=${status === this.status && !this.customer ? 'true' : 'false'}>${status || 'All'}</a>
            `,
          )}
        </nav>
        <form class="filter-wide search" role="search" @submit=${this.search}>
          <label class="filter">Order id, or customer id
            <input name="q" type="search" autocomplete="off" spellcheck="false" .value=${this.customer} data-testid="search">
          </label>
          <button class="button button-quiet">Find</button>
        </form>
      </div>
      ${this.list.render((page) => this.table(page))}
    `;
  }

  private table({ items }: List<AdminOrderSummary>): TemplateResult {
    return listTable({
      label: 'Orders',
      testid: 'orders',
      heads: html`
        <th scope="col">Order</th>
        <th scope="col" class="optional">Placed</th>
        <th scope="col">Status</th>
        <th scope="col" class="optional">Progress</th>
        <th scope="col" class="optional">Duration</th>
        <th scope="col" class="optional">Buyer</th>
        <th scope="col" class="number optional">Units</th>
        <th scope="col" class="number">Total</th>
      `,
      rows: items.map(row),
      empty: 'No orders.',
      foot: this.list.buttons(['Newer', 'Older']),
    });
  }

  private search(event: Event): void {
    event.preventDefault();
    const id = String(new FormData(event.target as HTMLFormElement).get('q')).trim();
    if (!id) navigate('/admin/orders');
    else if (id.startsWith('ord_')) navigate(`/admin/orders/${encodeURIComponent(id)}`);
    else navigate(`/admin/orders?customer=${encodeURIComponent(id)}`);
  }
}

const row = (order: AdminOrderSummary) => html`
  <tr data-testid="order-row">
    <th scope="row">
      <a class="mono order-id" href="/admin/orders/${order.order_id}">${order.order_id}</a>
      <small class="narrow quiet">${dayTime(order.placed_at)}</small>
    </th>
    <td class="optional">${dayTime(order.placed_at)}</td>
    <td>${statusBadge(order.status, order.reason)}</td>
    <td class="optional">${orderTrack(order)}</td>
    <td class="optional nowrap">${took(order)}</td>
    <td class="optional"><span class="buyer" dir="auto" title=${order.email}>${order.email}</span>${order.customer_id ? nothing : html` <small class="quiet">guest</small>`}</td>
    <td class="number optional">${order.lines.reduce((sum, { quantity }) => sum + quantity, 0)}</td>
    <td class="number">${formatMoney(order.total)}</td>
  </tr>
`;

/** From placement to the first end; returns come later. */
function took(order: AdminOrderSummary): string {
  const end = order.history.find(({ status }) => hasEnded(status));
  return end ? span(Date.parse(end.at) - Date.parse(order.placed_at)) : '';
}
