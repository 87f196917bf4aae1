import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { List, Status } from '../../api';
import { LightElement } from '../../components/light-element';
import { formatMoney } from '../../money';
import { navigate } from '../../router';
import { setTitle } from '../../title';
import { listAllOrders, type AdminOrderSummary } from '../api';
import { orderTrack } from '../components/order-track';
import { dayTime, hasEnded, liveSign, span, STATUSES, statusBadge, trouble } from '../components/words';
import { Poll } from '../poll';

const PAUSE_MS = 2_000;

@customElement('admin-orders-page')
export class AdminOrdersPage extends LightElement {
  @property() status: Status | '' = '';
  @property() customer = '';
  @state() private page: List<AdminOrderSummary> | null = null;
  /** Where the pages before this one began, newest first; the first page begins at null. */
  @state() private cursors: (string | null)[] = [null];
  private poll = new Poll(this, (signal) => this.look(signal), () => PAUSE_MS);

  override connectedCallback(): void {
    super.connectedCallback();
    setTitle('Orders · Console');
  }

  protected override willUpdate(changed: Map<string, unknown>): void {
    if (!this.hasUpdated || !(changed.has('status') || changed.has('customer'))) return;
    this.page = null;
    this.turnTo([null]);
  }

  protected override render() {
    return html`
      <div class="page-head"><h1>Orders</h1>${liveSign(this.poll)}</div>
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
      ${this.poll.state === 'lost' ? trouble(this.poll.error) : nothing}
      ${this.page ? this.table(this.page) : html`<p class="empty">Looking…</p>`}
    `;
  }

  private table(page: List<AdminOrderSummary>): TemplateResult {
    return html`
      <div class="table-frame" role="region" aria-label="Orders" tabindex="0">
        <table data-testid="orders">
          <thead>
            <tr>
              <th scope="col">Order</th>
              <th scope="col" class="optional">Placed</th>
              <th scope="col">Status</th>
              <th scope="col" class="optional">Way</th>
              <th scope="col" class="optional">Took</th>
              <th scope="col" class="optional">Buyer</th>
              <th scope="col" class="number optional">Pieces</th>
              <th scope="col" class="number">Total</th>
            </tr>
          </thead>
          <tbody>${page.items.map(row)}</tbody>
        </table>
        ${page.items.length ? nothing : html`<p class="empty">No orders here.</p>`}
        ${this.turning(page.next_cursor)}
      </div>
    `;
  }

  private turning(next: string | null): TemplateResult | typeof nothing {
    const isFirst = this.cursors.length === 1;
    if (isFirst && !next) return nothing;
    return html`
      <div class="table-foot actions">
        <button class="button button-quiet button-small" ?disabled=${isFirst} @click=${() => this.turnTo(this.cursors.slice(1))}>Newer</button>
        <button class="button button-quiet button-small" ?disabled=${!next} @click=${() => this.turnTo([next, ...this.cursors])}>Older</button>
      </div>
    `;
  }

  private turnTo(cursors: (string | null)[]): void {
    this.cursors = cursors;
    this.poll.again();
  }

  private async look(signal: AbortSignal): Promise<void> {
    const page = await listAllOrders({ status: this.status, customer_id: this.customer, cursor: this.cursors[0] }, signal);
    if (!signal.aborted) this.page = page;
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

/** From placing to where it ended for the first time; a return comes later. */
function took(order: AdminOrderSummary): string {
  const end = order.history.find(({ status }) => hasEnded(status));
  return end ? span(Date.parse(end.at) - Date.parse(order.placed_at)) : '';
}
