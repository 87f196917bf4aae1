import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { LightElement } from '../../components/light-element';
import { amountPattern, formatMoney, minorUnits } from '../../money';
import { Problem } from '../../request';
import { navigate } from '../../router';
import { SHOP } from '../../shop';
import { setTitle } from '../../title';
import { getCategories, getCohorts, queryOf, searchReportedOrders, type Categories, type Cohorts, type ReportedOrders, type ReportFilter } from '../api';
import { dayTime, liveSign, STATUSES, statusBadge } from '../components/format';
import { listTable, PagedList } from '../paged-list';
import { Poll } from '../poll-controller';

const PAUSE_MS = 15_000;
const REPORTS: [string, string][] = [['orders', 'Orders'], ['categories', 'Categories'], ['cohorts', 'Cohorts']];
const FIELDS = ['q', 'status', 'country', 'category', 'sku', 'min', 'max', 'since', 'until'] as const;
export type Wanted = Partial<Record<(typeof FIELDS)[number], string>>;

const whole = new Intl.NumberFormat();
const percent = new Intl.NumberFormat(undefined, { style: 'percent', maximumFractionDigits: 0 });

/** Reports of the relational read model. Without one, the page says how to turn it on. */
@customElement('admin-reports-page')
export class AdminReportsPage extends LightElement {
  @property() show = 'orders';
  @property({ attribute: false }) wanted: Wanted = {};
  @state() private cohorts: Cohorts | null = null;
  @state() private categories: Categories | null = null;
  private list = new PagedList(
    this,
    (cursor, signal) => this.search(cursor, signal),
    () => (this.isOff ? null : PAUSE_MS),
  );
  private poll = new Poll(this, (signal) => this.look(signal), () => (this.isOff ? null : PAUSE_MS));

  override connectedCallback(): void {
    super.connectedCallback();
    setTitle('Reports · Console');
  }

  protected override willUpdate(changed: Map<string, unknown>): void {
    if (!this.hasUpdated) return;
    if (changed.has('show')) this.poll.again();
    if (changed.has('show') || changed.has('wanted')) this.list.restart();
  }

  private get isOff(): boolean {
    return [this.poll.error, this.list.poll.error].some((error) => error instanceof Problem && error.code === 'reporting_off');
  }

  protected override render() {
    if (this.isOff) return off;
    const live = this.show === 'orders' ? this.list.poll : this.poll;
    return html`
      <div class="page-head">
        <h1>Reports</h1>
        <nav class="chips" aria-label="Report">
          ${REPORTS.map(([show, name]) => html`<a class="chip" href="/admin/insights/reports?show=${show}" aria-current=${show === this.show}>${name}</a>`)}
        </nav>
        ${liveSign(live)}
      </div>
      ${this.show === 'orders' ? this.orders() : this.report()}
    `;
  }

  private report(): TemplateResult {
    if (this.show === 'cohorts') return this.cohorts ? cohortTable(this.cohorts) : loading;
    return this.categories ? categoryTable(this.categories) : loading;
  }

  private orders(): TemplateResult {
    return html`
      <form class="filters orders-filters" aria-label="Filter orders" @submit=${this.choose}>
        <label class="filter filter-wide">Words in number, status or products
          <input name="q" type="search" autocomplete="off" maxlength="100" .value=${this.wanted.q ?? ''} data-testid="report-words">
        </label>
        <label class="filter">Status
          <select name="status">
            ${['', ...STATUSES].map((status) => html`<option value=${status} ?selected=${status === (this.wanted.status ?? '')}>${status || 'Any'}</option>`)}
          </select>
        </label>
        ${this.field('country', 'Country', 'DE', '[A-Z]{2}')} ${this.field('category', 'Category', 'kitchen')} ${this.field('sku', 'SKU', 'MUG-01')}
        ${this.field('min', 'Total from', '10', amountPattern(SHOP.currency))} ${this.field('max', 'Total to', '99', amountPattern(SHOP.currency))}
        <label class="filter">Placed from <input name="since" type="date" .value=${this.wanted.since ?? ''}></label>
        <label class="filter">Placed to <input name="until" type="date" .value=${this.wanted.until ?? ''}></label>
        <button class="button button-quiet" data-testid="report-search">Search</button>
      </form>
      ${this.list.render((page) => orderTable(page, this.list.foot(page.items.length, ['Newer', 'Older'])))}
    `;
  }

  private field(name: (typeof FIELDS)[number], label: string, example: string, pattern = '.*'): TemplateResult {
    return html`
      <label class="filter">${label}
        <input name=${name} size="8" maxlength="40" placeholder=${example} pattern=${pattern} .value=${this.wanted[name] ?? ''}>
      </label>
    `;
  }

  private choose(event: Event): void {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    const given = Object.fromEntries(FIELDS.map((name) => [name, String(form.get(name)).trim()]));
    navigate(`/admin/insights/reports?${queryOf({ show: 'orders', ...given })}`);
  }

  private async look(signal: AbortSignal): Promise<void> {
    if (this.show === 'cohorts') {
      const seen = await getCohorts(signal);
      if (!signal.aborted) this.cohorts = seen;
    } else if (this.show === 'categories') {
      const seen = await getCategories(signal);
      if (!signal.aborted) this.categories = seen;
    }
  }

  private async search(cursor: string | null, signal: AbortSignal): Promise<ReportedOrders> {
    if (this.show !== 'orders') return NONE;
    const { min, max, ...filter } = this.wanted;
    const limits: ReportFilter = { min_total: limit(min), max_total: limit(max) };
    return searchReportedOrders({ ...filter, ...limits, cursor }, signal);
  }
}

const NONE: ReportedOrders = { matching: 0, matching_total: 0, items: [], next_cursor: null };

const loading = html`<p class="empty">Loading…</p>`;

const off = html`
  <div class="page-head"><h1>Reports</h1></div>
  <section class="panel" data-testid="reporting-off">
    <p class="statement">This shop has no reporting database.</p>
    <p class="small-print">
      On this machine, <code>REPORTING=1 make up</code> starts one. On AWS, set <code>Reporting: true</code> in the stage file and deploy.
      It then follows the orders; <code>REBUILD=1 make reporting</code> adds those that are there already.
    </p>
  </section>
`;

const limit = (text: string | undefined) => (text ? String(minorUnits(text, SHOP.currency)) : undefined);

function orderTable({ items, matching, matching_total }: ReportedOrders, foot: TemplateResult | typeof nothing): TemplateResult {
  const currency = items[0]?.currency;
  return html`
    <p class="small-print" data-testid="matching">
      ${whole.format(matching)} ${matching === 1 ? 'order' : 'orders'}${currency ? html`, ${formatMoney({ amount: matching_total, currency })} in all` : nothing}
    </p>
    ${listTable({
      label: 'Orders found',
      testid: 'reported-orders',
      heads: html`
        <th scope="col">Order</th>
        <th scope="col" class="optional">Placed</th>
        <th scope="col">Status</th>
        <th scope="col" class="optional">Country</th>
        <th scope="col" class="optional">Products</th>
        <th scope="col" class="number">Total</th>
      `,
      rows: items.map(
        (order) => html`
          <tr>
            <th scope="row" class="nowrap"><a class="mono order-id" href="/admin/orders/${order.order_id}">${order.number}</a></th>
            <td class="optional nowrap">${dayTime(order.placed_at)}</td>
            <td>${statusBadge(order.status)} ${order.reason ? html`<small class="quiet">${order.reason}</small>` : nothing}</td>
            <td class="optional">${order.country}</td>
            <td class="optional">${order.products.join(', ')}</td>
            <td class="number nowrap">${formatMoney({ amount: order.total, currency: order.currency })}</td>
          </tr>
        `,
      ),
      empty: 'No order matches.',
      foot,
    })}
  `;
}

function categoryTable({ items, currency }: Categories): TemplateResult {
  const money = (amount: number) => formatMoney({ amount, currency });
  return html`
    ${listTable({
      label: 'Revenue by category and month',
      testid: 'categories',
      heads: html`
        <th scope="col">Month</th>
        <th scope="col">Category</th>
        <th scope="col" class="number optional">Orders</th>
        <th scope="col" class="number optional">Units</th>
        <th scope="col" class="number optional">Revenue</th>
        <th scope="col" class="number optional">Refunds</th>
        <th scope="col" class="number">Net</th>
      `,
      rows: items.map(
        (item) => html`
          <tr>
            <th scope="row" class="nowrap">${item.month}</th>
            <td>${item.category ?? html`<span class="quiet">unknown</span>`}</td>
            <td class="number optional">${whole.format(item.orders)}</td>
            <td class="number optional">${whole.format(item.units)}</td>
            <td class="number optional nowrap">${money(item.revenue)}</td>
            <td class="number optional nowrap">${money(-item.refunds)}</td>
            <td class="number nowrap">${money(item.net)}</td>
          </tr>
        `,
      ),
      empty: 'No completed orders in the last twelve months.',
      foot: nothing,
    })}
    <p class="small-print">Completed orders by the month of placing. Refunds are those of returned units.</p>
  `;
}

function cohortTable({ items }: Cohorts): TemplateResult {
  const last = Math.max(0, ...items.flatMap((item) => item.repeats.map((each) => each.months_later)));
  const later = Array.from({ length: last + 1 }, (_, month) => month);
  return html`
    ${listTable({
      label: 'Customers by the month of their first order',
      testid: 'cohorts',
      heads: html`
        <th scope="col">First order</th>
        <th scope="col" class="number">Customers</th>
        ${later.map((month) => html`<th scope="col" class="number nowrap">${month ? `+${month}` : 'Same month'}</th>`)}
      `,
      rows: items.map(
        (item) => html`
          <tr>
            <th scope="row" class="nowrap">${item.month}</th>
            <td class="number">${whole.format(item.customers)}</td>
            ${later.map((month) => {
              const found = item.repeats.find((each) => each.months_later === month);
              return html`<td class="number">${found ? percent.format(found.customers / item.customers) : ''}</td>`;
            })}
          </tr>
        `,
      ),
      empty: 'No orders of customers in the last twelve months.',
      foot: nothing,
    })}
    <p class="small-print">The share of customers who ordered so many months after their first order. Guests are not counted.</p>
  `;
}
