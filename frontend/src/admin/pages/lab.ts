import { html, nothing, type TemplateResult } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import { listProducts } from '../../api';
import { LightElement } from '../../components/light-element';
import { config, type Config } from '../../config';
import { Watch } from '../../store';
import { setTitle } from '../../title';
import { complain } from '../../toast';
import { runAudit, webhookMode, WEBHOOK_MODES, type Audit, type WebhookMode } from '../api';
import { Batch } from '../batch';
import { FAULTS, MOST_AT_ONCE, MOST_ORDERS, type Shares } from '../batch-plan';
import '../components/column-chart';
import { invariantList } from '../components/invariant-list';
import '../components/run-reports';
import { shareBar } from '../components/share-bar';
import { clockTime, liveSign, errorNotice } from '../components/format';
import { Poll } from '../poll-controller';
import { notFound } from './not-found';

const BUSY_PAUSE_MS = 1_000;
const IDLE_PAUSE_MS = 10_000;
const SECONDS = 60;

const SHARES: [keyof Shares, string, string][] = [
  ['declined', 'Declined cards', ''],
  ['throttled', 'Throttled payments (429)', 'control_api'],
  ['faulty', 'Payments with a fault', 'control_api'],
  ['refused', 'Refused by the warehouse', ''],
  ['silent', 'No answer from the warehouse', ''],
  ['cancelled', 'Cancelled by the buyer', ''],
  ['doubled', 'Checkouts sent twice', ''],
];

const MODE_WORDS: Record<WebhookMode, string> = {
  normal: 'normal',
  duplicate: 'three copies',
  reorder: 'out of order',
  late: 'late',
  wrong_signature: 'wrong signature',
  stale: 'expired signature',
  off: 'off',
};

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });

/** Lab: places batches of orders with faults while the auditor checks the invariants. */
@customElement('admin-lab-page')
export class AdminLabPage extends LightElement {
  @state() private lab: Config['lab'] | undefined = undefined;
  @state() private orders = 40;
  @state() private atOnce = 4;
  @state() private shares: Shares = { declined: 10, throttled: 10, faulty: 10, refused: 10, silent: 0, cancelled: 10, doubled: 10 };
  @state() private operation = '';
  @state() private kind = '';
  @state() private mode: WebhookMode | null = null;
  @state() private audit: Audit | null = null;
  /** The auditor's own clock when the latest batch began. */
  @state() private since: string | null = null;
  private batch = new Batch();
  private poll = new Poll(this, (signal) => this.look(signal), () => (this.isBusy ? BUSY_PAUSE_MS : IDLE_PAUSE_MS));

  constructor() {
    super();
    new Watch(this, this.batch.progress);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    setTitle('Lab · Console');
    void config().then((deployed) => this.enter(deployed.lab ?? null));
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.batch.stop();
  }

  protected override render() {
    if (this.lab === undefined) return nothing;
    if (this.lab === null) return notFound;
    return html`
      <div class="page-head"><h1>Lab</h1>${liveSign(this.poll)}</div>
      <div class="lab">
        <div class="lab-side">${this.bench(this.lab)}${this.lab.control_api ? this.webhooks() : nothing}</div>
        <div class="lab-main">
          ${this.poll.state === 'lost' ? errorNotice(this.poll.error) : nothing}
          ${this.audit ? html`${invariantList(this.withCheckouts(this.audit))} ${this.endings(this.audit)} ${this.pace(this.audit)}` : html`<p class="empty">The auditor is checking the invariants…</p>`}
          <run-reports></run-reports>
        </div>
      </div>
    `;
  }

  private get isBusy(): boolean {
    return this.batch.progress.value.isRunning || Boolean(this.audit?.orders.under_way);
  }

  private bench({ control_api }: NonNullable<Config['lab']>): TemplateResult {
    const { isRunning, wanted, placed } = this.batch.progress.value;
    const offered = SHARES.filter(([, , needs]) => !needs || control_api);
    return html`
      <form class="panel form" @submit=${this.start}>
        <h2>Batch of orders</h2>
        ${slider('Orders', 'orders', this.orders, 1, MOST_ORDERS, 1, '', (value) => (this.orders = value))}
        ${slider('Concurrent buyers', 'at-once', this.atOnce, 1, MOST_AT_ONCE, 1, '', (value) => (this.atOnce = value))}
        <fieldset>
          <legend>Share of the orders</legend>
          ${offered.map(([share, name]) => html`
            ${slider(name, share, this.shares[share], 0, 100, 5, ' %', (value) => (this.shares = { ...this.shares, [share]: value }))}
            ${share === 'faulty' && this.shares.faulty ? this.faults() : nothing}
          `)}
        </fieldset>
        <div class="actions">
          ${isRunning
            ? html`<button type="button" class="button button-quiet" @click=${() => this.batch.stop()}>Stop</button>`
            : html`<button class="button" data-testid="place-batch">Place ${this.orders} orders</button>`}
        </div>
        <div role="status">${wanted ? html`<progress max=${wanted} .value=${placed} aria-label="Orders placed"></progress>${this.came()}` : nothing}</div>
        <p class="small-print">
          Guests order one available unit each through the public API.
          ${this.shares.silent ? 'Orders without an answer end when the warehouse times out.' : nothing}
        </p>
      </form>
    `;
  }

  private came(): TemplateResult {
    const { placed, wanted, cancelled, tooLate, refused } = this.batch.progress.value;
    const results = [
      `${placed} of ${wanted} placed`,
      cancelled && `${cancelled} asked to cancel in time`,
      tooLate && `${tooLate} too late`,
      ...Object.entries(refused).map(([code, times]) => `${times} refused: ${code}`),
    ];
    return html`<p data-testid="batch-progress">${results.filter(Boolean).join(' · ')}</p>`;
  }

  private faults(): TemplateResult {
    const parts = FAULTS.map((fault) => fault.split('_'));
    const choice = (label: string, place: number, chosen: string, choose: (value: string) => void) => html`
      <label class="filter">${label}
        <select @change=${(event: Event) => choose((event.target as HTMLSelectElement).value)}>
          <option value="">any</option>
          ${[...new Set(parts.map((each) => each[place]))].map((each) => html`<option ?selected=${each === chosen}>${each}</option>`)}
        </select>
      </label>
    `;
    return html`
      <div class="form-row">
        ${choice('Fault in', 0, this.operation, (value) => (this.operation = value))}
        ${choice('Kind', 1, this.kind, (value) => (this.kind = value))}
      </div>
      ${this.chosenFaults().length ? nothing : html`<p class="error">This combination does not exist: a hold expires before a capture or after a confirmation.</p>`}
    `;
  }

  private chosenFaults(): string[] {
    return FAULTS.filter((fault) => {
      const [operation, kind] = fault.split('_');
      return (!this.operation || operation === this.operation) && (!this.kind || kind === this.kind);
    });
  }

  private webhooks(): TemplateResult {
    return html`
      <fieldset class="panel form">
        <legend class="visually-hidden">Delivery of the payment provider’s webhooks</legend>
        <h2 aria-hidden="true">Webhook delivery</h2>
        <div class="chips">
          ${WEBHOOK_MODES.map(
            (mode) => html`
              <button type="button" class="chip" aria-pressed=${mode === this.mode} @click=${() => this.deliver(mode)}>${MODE_WORDS[mode]}</button>
            `,
          )}
        </div>
        <p class="small-print">Applies to all orders of the payment sandbox until you change it.</p>
      </fieldset>
    `;
  }

  /** Adds the invariant that only the lab can check, because it has the responses to both checkouts. */
  private withCheckouts(audit: Audit): Audit {
    const { doubled, torn } = this.batch.progress.value;
    if (!doubled) return audit;
    const violations = torn.map(([one, other]) => ({ subject: one, text: `and ${other} were returned for one checkout` }));
    const promise = { promise: 'A checkout sent twice creates one order', checked: doubled, violated: torn.length, violations };
    return { ...audit, promises: [...audit.promises, promise] };
  }

  private endings({ orders }: Audit): TemplateResult {
    const endings = Object.entries(orders.endings).sort(([, one], [, other]) => other - one);
    const rows: [string, number][] = [...endings, ...(orders.under_way ? [['under way', orders.under_way] as [string, number]] : [])];
    return html`
      <section class="panel" aria-labelledby="endings" data-testid="endings">
        <header class="panel-head">
          <h2 id="endings">Results</h2>
          <span class="quiet">${orders.placed} orders, ${this.since ? 'since this batch started' : 'since the beginning'}</span>
        </header>
        ${rows.length
          ? html`
              <table>
                <thead class="visually-hidden"><tr><th scope="col">Ending</th><td></td><th scope="col">Orders</th></tr></thead>
                <tbody>
                  ${rows.map(
                    ([ending, count]) => html`
                      <tr><th scope="row"><span class="badge badge-${toneOf(ending)}">${ending}</span></th><td class="bars">${shareBar(count, orders.placed)}</td><td class="number">${count}</td></tr>
                    `,
                  )}
                </tbody>
              </table>
            `
          : html`<p class="empty">None yet.</p>`}
      </section>
    `;
  }

  private pace({ orders, read_at }: Audit): TemplateResult {
    const last = Math.floor(Date.parse(read_at) / 1_000);
    const seconds = Array.from({ length: SECONDS }, (_, place) => last - SECONDS + 1 + place);
    const bySecond = new Map(orders.pace.map((each) => [Date.parse(each.second) / 1_000, each]));
    const values = (what: 'placed' | 'ended') => seconds.map((second) => bySecond.get(second)?.[what] ?? 0);
    return html`
      <section class="panel" aria-labelledby="pace">
        <header class="panel-head"><h2 id="pace">Orders per second</h2><span class="quiet">the last minute, to ${clockTime(read_at)}</span></header>
        <column-chart
          caption="Orders per second"
          .labels=${seconds.map((second) => clock.format(second * 1_000))}
          .series=${[
            { name: 'placed', tone: 'ochre', values: values('placed') },
            { name: 'ended', tone: 'spruce', values: values('ended') },
          ]}
        ></column-chart>
      </section>
    `;
  }

  private enter(lab: Config['lab']): void {
    this.lab = lab;
    this.poll.again();
    if (lab?.control_api) void webhookMode(lab.control_api).then((mode) => (this.mode = mode), complain);
  }

  private async look(signal: AbortSignal): Promise<void> {
    if (!this.lab) return;
    const audit = await runAudit(this.since, signal);
    if (!signal.aborted) this.audit = audit;
  }

  private async deliver(mode: WebhookMode): Promise<void> {
    try {
      this.mode = await webhookMode(this.lab!.control_api!, mode);
    } catch (error) {
      complain(error);
    }
  }

  /** Returns the shares that this stage supports; others are 0. */
  private offered(faults: string[]): Shares {
    const { faulty, throttled } = this.lab?.control_api ? this.shares : { faulty: 0, throttled: 0 };
    return { ...this.shares, throttled, faulty: faults.length ? faulty : 0 };
  }

  private async start(event: Event): Promise<void> {
    event.preventDefault();
    try {
      const { items } = await listProducts({});
      const skus = items.filter(({ available }) => available > 0).map(({ sku }) => sku);
      if (!skus.length) throw new Error('No product is available.');
      this.since = this.audit?.read_at ?? null;
      this.poll.again();
      const faults = this.chosenFaults();
      await this.batch.run({ orders: this.orders, atOnce: this.atOnce, shares: this.offered(faults), faults }, skus);
    } catch (error) {
      complain(error);
    }
  }
}

function toneOf(ending: string): string {
  if (ending === 'COMPLETED') return 'good';
  return ending.startsWith('CANCELLED') ? 'bad' : ending === 'under way' ? 'going' : 'calm';
}

function slider(
  label: string, name: string, value: number, min: number, max: number, step: number, unit: string, choose: (value: number) => void,
): TemplateResult {
  return html`
    <label class="slider">
      <span>${label}</span><output>${value}${unit}</output>
      <input type="range" name=${name} min=${min} max=${max} step=${step} .value=${String(value)}
        @input=${(event: Event) => choose(Number((event.target as HTMLInputElement).value))}>
    </label>
  `;
}
