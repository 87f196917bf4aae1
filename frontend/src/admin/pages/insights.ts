import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { LightElement } from '../../components/light-element';
import { formatMoney } from '../../money';
import { setTitle } from '../../title';
import { getInsights, type Insights, type Steps } from '../api';
import '../components/column-chart';
import { shareBar } from '../components/share-bar';
import { liveSign, errorNotice } from '../components/format';
import { Poll } from '../poll-controller';

const PAUSE_MS = 10_000;
const SPANS = [7, 14, 31];

type Measure = 'revenue' | 'orders' | 'pieces';
const MEASURES: [Measure, string][] = [['revenue', 'Revenue'], ['orders', 'Orders'], ['pieces', 'Units']];

const STEPS: [keyof Steps, string][] = [
  ['visit', 'Visits'],
  ['cart', 'Carts'],
  ['checkout', 'Checkouts'],
  ['placed', 'Orders placed'],
  ['completed', 'Orders completed'],
];

const FINDINGS: Record<Insights['experiment']['finding'], { tone: string; words: string }> = {
  TOO_FEW: { tone: 'calm', words: 'Not enough data' },
  NO_DIFFERENCE: { tone: 'calm', words: 'No difference' },
  A_IS_BETTER: { tone: 'good', words: 'A converts better' },
  B_IS_BETTER: { tone: 'good', words: 'B converts better' },
  MISCOUNTED: { tone: 'bad', words: 'Inconsistent counts' },
};

const shortDay = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric', timeZone: 'UTC' });
const regions = new Intl.DisplayNames(undefined, { type: 'region' });
const percent = new Intl.NumberFormat(undefined, { style: 'percent', maximumFractionDigits: 1 });
const whole = new Intl.NumberFormat();

@customElement('admin-insights-page')
export class AdminInsightsPage extends LightElement {
  @property({ type: Number }) days = 7;
  @state() private seen: Insights | null = null;
  @state() private measure: Measure = 'revenue';
  private poll = new Poll(this, (signal) => this.look(signal), () => PAUSE_MS);

  override connectedCallback(): void {
    super.connectedCallback();
    setTitle('Insights · Console');
  }

  protected override willUpdate(changed: Map<string, unknown>): void {
    if (this.hasUpdated && changed.has('days')) this.poll.again();
  }

  protected override render() {
    return html`
      <div class="page-head">
        <h1>Insights</h1>
        <nav class="chips" aria-label="How many days">
          ${SPANS.map((span) => html`<a class="chip" href="/admin/insights?days=${span}" aria-current=${span === this.days}>${span} days</a>`)}
        </nav>
        <a class="chip" href="/admin/insights/reports">Reports</a>
        ${liveSign(this.poll)}
      </div>
      ${this.poll.state === 'lost' ? errorNotice(this.poll.error) : nothing}
      ${this.seen ? this.all(this.seen) : html`<p class="empty">Loading…</p>`}
    `;
  }

  private async look(signal: AbortSignal): Promise<void> {
    const seen = await getInsights(this.days, signal);
    if (!signal.aborted) this.seen = seen;
  }

  private all(seen: Insights): TemplateResult {
    return html`
      ${this.tiles(seen)}
      <div class="insights">
        ${this.sales(seen)} ${this.products(seen)} ${this.countries(seen)} ${funnel(seen)} ${experiment(seen.experiment)} ${pairs(seen)}
      </div>
    `;
  }

  private tiles(seen: Insights): TemplateResult {
    const sum = (measure: Measure) => seen.days.reduce((total, day) => total + day[measure], 0);
    return html`
      <dl class="tiles">
        <div><dt>Revenue</dt><dd data-testid="revenue">${money(sum('revenue'), seen)}</dd></div>
        <div><dt>Orders completed</dt><dd data-testid="orders-completed">${whole.format(sum('orders'))}</dd></div>
        <div><dt>Units sold</dt><dd>${whole.format(sum('pieces'))}</dd></div>
        <div><dt>Loyalty points, all customers</dt><dd>${whole.format(seen.points)}</dd></div>
      </dl>
    `;
  }

  private sales(seen: Insights): TemplateResult {
    const name = MEASURES.find(([measure]) => measure === this.measure)![1];
    return html`
      <section class="panel insights-wide" aria-labelledby="sales">
        <header class="panel-head">
          <h2 id="sales">Sales by day</h2>
          <div class="chips">
            ${MEASURES.map(
              ([measure, name]) => html`
                <button class="chip" aria-pressed=${measure === this.measure} @click=${() => (this.measure = measure)}>${name}</button>
              `,
            )}
          </div>
        </header>
        <column-chart
          .caption="${name} by day"
          .labels=${seen.days.map(({ date }) => shortDay.format(new Date(date)))}
          .series=${[{ name, tone: 'berry', values: seen.days.map((day) => day[this.measure]) }]}
          .say=${this.measure === 'revenue' ? (value: number) => money(value, seen) : (value: number) => whole.format(value)}
        ></column-chart>
        <p class="small-print">Days are those of ${seen.time_zone}. Revenue goes back on the day of a return, so a day may be below zero.</p>
      </section>
    `;
  }

  private products(seen: Insights): TemplateResult {
    const greatest = Math.max(0, ...seen.top_products.map(({ revenue }) => revenue));
    return html`
      <section class="panel" aria-labelledby="products">
        <header class="panel-head"><h2 id="products">Best-selling products</h2><span class="quiet">up to ten, most revenue first</span></header>
        ${table(
          ['Product', null, 'Units', 'Revenue'],
          seen.top_products.map(({ sku, name, pieces, revenue }) => [
            html`<a dir="auto" href="/admin/catalog/${sku}">${name ?? sku}</a>`, shareBar(revenue, greatest), whole.format(pieces), money(revenue, seen),
          ]),
          'No sales in this period.',
        )}
      </section>
    `;
  }

  private countries(seen: Insights): TemplateResult {
    const greatest = Math.max(0, ...seen.countries.map(({ revenue }) => revenue));
    const known = seen.countries.reduce((sum, { orders }) => sum + orders, 0);
    const unknown = seen.days.reduce((sum, { orders }) => sum + orders, 0) - known;
    return html`
      <section class="panel" aria-labelledby="countries" data-testid="countries">
        <header class="panel-head"><h2 id="countries">Countries</h2></header>
        ${table(
          ['Destination', null, 'Orders', 'Revenue'],
          seen.countries.map(({ country, orders, revenue }) => [
            regions.of(country) ?? country, shareBar(revenue, greatest), whole.format(orders), money(revenue, seen),
          ]),
          'No sales in this period.',
        )}
        ${unknown > 0 ? html`<p class="small-print">${unknown} orders are from before countries were counted.</p>` : nothing}
      </section>
    `;
  }
}

/** Counts orders that came through the API, and pages that allow no cookies. */
const NO_VARIANT = '-';

function funnel(seen: Insights): TemplateResult {
  const total = (step: keyof Steps, of: (variant: string) => boolean) =>
    seen.funnel.reduce((sum, day) => sum + Object.keys(day.by_variant).filter(of).reduce((n, v) => n + day.by_variant[v][step], 0), 0);
  const isPage = (variant: string) => variant !== NO_VARIANT;
  const counts = STEPS.map(([step]) => total(step, isPage));
  const elsewhere = total('placed', (variant) => !isPage(variant));
  const greatest = Math.max(...counts);
  return html`
    <section class="panel" aria-labelledby="funnel" data-testid="funnel">
      <header class="panel-head"><h2 id="funnel">Conversion funnel</h2></header>
      ${table(
        ['Step', null, 'Times', 'Of the previous step'],
        STEPS.map(([, name], place) => [
          name, shareBar(counts[place], greatest), whole.format(counts[place]), place ? share(counts[place], counts[place - 1]) : '',
        ]),
      )}
      <p class="small-print">
        Pages report visits, carts and checkouts once per tab: visitors who block scripts are not counted, and returning visitors
        are counted again. Orders of pages are exact.
      </p>
      ${elsewhere > 0 ? html`<p data-testid="orders-elsewhere">${whole.format(elsewhere)} more orders came through the API, or from visitors who were shown no variant.</p>` : nothing}
    </section>
  `;
}

function experiment({ variants, finding, in_words }: Insights['experiment']): TemplateResult {
  const { tone, words } = FINDINGS[finding];
  return html`
    <section class="panel" aria-labelledby="experiment" data-testid="experiment">
      <header class="panel-head"><h2 id="experiment">A/B experiment</h2><span class="badge badge-${tone}">${words}</span></header>
      ${table(
        ['Step', ...variants.map(({ variant }) => `Variant ${variant}`)],
        [
          ...STEPS.map(([step, name]) => [name, ...variants.map((each) => whole.format(each[step]))]),
          ['Orders per visit', ...variants.map(({ conversion }) => (conversion === null ? '–' : percent.format(conversion)))],
        ],
      )}
      <p class="statement">${in_words}</p>
      <p class="small-print">Two-proportion z-test of orders placed per visit. Choose the period before you look at the result.</p>
    </section>
  `;
}

function pairs({ bought_together }: Insights): TemplateResult {
  return html`
    <section class="panel insights-wide" aria-labelledby="pairs">
      <header class="panel-head"><h2 id="pairs">Bought together</h2><span class="quiet">all orders</span></header>
      ${table(
        ['One', 'And', 'Orders'],
        bought_together.map(({ skus: [one, other], orders }) => [productLink(one), productLink(other), whole.format(orders)]),
        'No order with two products yet.',
      )}
    </section>
  `;
}

const productLink = (sku: string) => html`<a class="mono" href="/admin/catalog/${sku}">${sku}</a>`;

/** The first column has the row's name, a column without a head has bars, and the others have numbers. */
function table(heads: (string | null)[], rows: unknown[][], empty = ''): TemplateResult {
  if (!rows.length) return html`<p class="empty">${empty}</p>`;
  const kind = (column: number) => (heads[column] === null ? 'bars' : column && typeof rows[0][column] === 'string' ? 'number' : '');
  return html`
    <div class="table-scroll" role="region" tabindex="0" aria-label=${heads.filter(Boolean).join(', ')}>
      <table>
        <thead>
          <tr>${heads.map((head, column) => (head === null ? html`<td class="bars"></td>` : html`<th scope="col" class=${kind(column)}>${head}</th>`))}</tr>
        </thead>
        <tbody>
          ${rows.map(
            ([name, ...cells]) => html`
              <tr><th scope="row">${name}</th>${cells.map((cell, place) => html`<td class=${kind(place + 1)}>${cell}</td>`)}</tr>
            `,
          )}
        </tbody>
      </table>
    </div>
  `;
}

const share = (part: number, of: number) => (of ? percent.format(part / of) : '–');
const money = (amount: number, { currency }: Insights) => formatMoney({ amount, currency });
