import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { List, Status } from '../../api';
import { LightElement } from '../../components/light-element';
import { formatMoney } from '../../money';
import { navigate } from '../../router';
import { setTitle } from '../../title';
import { complain, say } from '../../toast';
import { countOrders, findOrders, listAllOrders, queryOf, type AdminOrderSummary, type OrderFilter, type OrderTotals } from '../api';
import { exportOrders, save } from '../order-export';
import { orderTrack } from '../components/order-track';
import { dayTime, hasEnded, liveSign, span, STATUSES, statusBadge } from '../components/format';
import { listTable, PagedList } from '../paged-list';
import { Poll } from '../poll-controller';

const PAUSE_MS = 2_000;
const COUNT_PAUSE_MS = 60_000;
const CUSTOMER_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

@customElement('admin-orders-page')
export class AdminOrdersPage extends LightElement {
  @property() status: Status | '' = '';
  @property() customer = '';
  /** The first and the last day, in UTC. */
  @property() from = '';
  @property() to = '';
  /** What is searched for: number, name or email. Not in the URL, because it is personal data. */
  @state() private wanted = '';
  @state() private isExporting = false;
  @state() private totals: OrderTotals | null = null;
  /** Counting reads up to 5,000 orders, so it happens less often than reading a page. */
  private count = new Poll(this, (signal) => this.countAll(signal), () => COUNT_PAUSE_MS);
  private list = new PagedList(this, (cursor, signal) => this.load(cursor, signal), () => PAUSE_MS);

  override connectedCallback(): void {
    super.connectedCallback();
    setTitle('Orders · Console');
  }

  protected override willUpdate(changed: Map<string, unknown>): void {
    if (!this.hasUpdated) return;
    const isFiltered = ['status', 'customer', 'from', 'to'].some((name) => changed.has(name));
    if (isFiltered) this.wanted = '';
    if (!isFiltered && !changed.has('wanted')) return;
    this.list.restart();
    this.totals = null;
    this.count.again();
  }

  protected override render() {
    return html`
      <div class="page-head">
        <h1>Orders</h1>
        ${liveSign(this.list.poll)}
        <button class="button button-quiet button-small" ?disabled=${this.isExporting} @click=${this.export} data-testid="export">
          ${this.isExporting ? 'Exporting…' : 'Export as CSV'}
        </button>
      </div>
      <div class="filters orders-filters">
        <nav class="chips" aria-label="Filter by status">
          ${['' as const, ...STATUSES].map(
            (status) => html`
              <a class="chip" href=${this.address({ status, customer: '' })} @click=${() => (this.wanted = '')}
                aria-current=${status === this.status && !this.customer && !this.wanted ? 'true' : 'false'}>${status || 'All'}</a>
            `,
          )}
        </nav>
        <form class="filters date-filter" aria-label="Filter by date" @submit=${this.choose}>
          <label class="filter">Placed from (UTC)
            <input name="from" type="date" .value=${this.from} data-testid="from">
          </label>
          <label class="filter">to
            <input name="to" type="date" .value=${this.to} data-testid="to">
          </label>
          <button class="button button-quiet" data-testid="filter-dates">Filter</button>
        </form>
        <form class="filter-wide search" role="search" @submit=${this.search}>
          <label class="filter">Order number, name, email, or customer id
            <input name="q" type="search" autocomplete="off" spellcheck="false" .value=${this.wanted || this.customer} data-testid="search">
          </label>
          <button class="button button-quiet">Find</button>
        </form>
      </div>
      ${this.totals ? totalsLine(this.totals) : nothing}
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
      foot: this.list.foot(items.length, ['Newer', 'Older']),
    });
  }

  private search(event: Event): void {
    event.preventDefault();
    const text = String(new FormData(event.target as HTMLFormElement).get('q')).trim();
    const isId = CUSTOMER_ID.test(text);
    this.wanted = isId || text.startsWith('ord_') ? '' : text;
    if (!text) navigate('/admin/orders');
    else if (isId) navigate(this.address({ status: '', customer: text }));
    else if (text.startsWith('ord_')) navigate(`/admin/orders/${encodeURIComponent(text)}`);
  }

  private choose(event: Event): void {
    event.preventDefault();
    const days = new FormData(event.target as HTMLFormElement);
    this.wanted = '';
    navigate(this.address({ from: String(days.get('from')), to: String(days.get('to')) }));
  }

  private async export(): Promise<void> {
    this.isExporting = true;
    try {
      const { csv, count, isWhole } = await exportOrders((cursor) => this.load(cursor));
      save(csv, 'orders.csv');
      say(isWhole ? `${count} orders exported.` : `The newest ${count} orders exported. Choose days for the rest.`);
    } catch (error) {
      complain(error);
    } finally {
      this.isExporting = false;
    }
  }

  /** The address of the list with these filters changed. */
  private address(filters: Partial<Record<'status' | 'customer' | 'from' | 'to', string>>): string {
    const { status, customer, from, to } = this;
    const query = queryOf({ status, customer, from, to, ...filters }).toString();
    return query ? `/admin/orders?${query}` : '/admin/orders';
  }

  private async countAll(signal: AbortSignal): Promise<void> {
    if (this.wanted) return;
    const totals = await countOrders(this.filter, signal);
    if (!signal.aborted) this.totals = totals;
  }

  private get filter(): OrderFilter {
    const { status, customer, from, to } = this;
    return { status, customer_id: customer, placed_from: from, placed_to: to };
  }

  private load(cursor: string | null, signal?: AbortSignal): Promise<List<AdminOrderSummary>> {
    if (this.wanted) return findOrders(this.wanted, cursor, signal);
    return listAllOrders({ ...this.filter, cursor }, signal);
  }
}

const totalsLine = ({ count, sums, is_complete }: OrderTotals): TemplateResult => html`
  <p class="totals quiet" role="status" data-testid="totals">
    ${is_complete
      ? `${count.toLocaleString()} ${count === 1 ? 'order' : 'orders'}${count ? `, placed for ${sums.map((sum) => formatMoney(sum)).join(' and ')} in all` : ''}`
      : `More than ${count.toLocaleString()} orders. Choose days to see their total.`}
  </p>
`;

const row = (order: AdminOrderSummary) => html`
  <tr data-testid="order-row">
    <th scope="row">
      <a class="mono order-id" href="/admin/orders/${order.order_id}">${order.number}</a>
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
