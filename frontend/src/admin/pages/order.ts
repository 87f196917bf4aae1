import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { getOrder, type Order } from '../../api';
import { LightElement } from '../../components/light-element';
import { formatMoney } from '../../money';
import { setTitle } from '../../title';
import { getOrderLogs, getTimeline, listWorkflows, retryRefunds, type Entry, type Workflow } from '../api';
import '../components/order-actions';
import '../components/saga-graph';
import '../components/timeline-list';
import '../components/trace-waterfall';
import { orderSheet } from '../components/order-sheet';
import { dayTime, hasEnded, liveSign, span, statusBadge, errorNotice } from '../components/format';
import { Poll } from '../poll-controller';
import type { Machine } from '../saga/definition';
import { runsOf, type Run } from '../saga/facts';

const EAGER_MS = 1_000;
const CALM_MS = 5_000;
const LOGS_MS = 4_000;
/** How long after its end an order's consumers may still run and their logs arrive. */
const AFTERMATH_MS = 120_000;

@customElement('admin-order-page')
export class AdminOrderPage extends LightElement {
  @property() orderId = '';
  @state() private order: Order | null = null;
  @state() private timeline: Entry[] = [];
  @state() private logged: Entry[] = [];
  @state() private hasAllLogs = true;
  @state() private workflows: Workflow[] = [];
  @state() private chosenRun = '';
  @state() private chosenState = '';
  /** Whether the page still waits for the refund. */
  @state() private isRetrying = false;
  @state() private retryError: string | null = null;
  private story = new Poll(this, (signal) => this.look(signal), () => (this.isSettled ? CALM_MS : EAGER_MS));
  private logs = new Poll(this, (signal) => this.lookThroughLogs(signal), () => (this.isLongOver ? null : LOGS_MS));

  override connectedCallback(): void {
    super.connectedCallback();
    setTitle(`${this.orderId} · Console`);
  }

  protected override render() {
    return html`
      <div class="page-head">
        <h1><a class="crumb" href="/admin/orders">Orders</a> <span class="mono order-name" data-testid="order-number">${this.order?.number ?? this.orderId}</span></h1>
        ${liveSign(this.story)}
      </div>
      ${this.story.state === 'lost' ? errorNotice(this.story.error) : nothing}
      ${this.order ? this.inside(this.order) : nothing}
    `;
  }

  private inside(order: Order): TemplateResult {
    const entries = [...this.timeline, ...this.logged].sort((one, other) => one.at.localeCompare(other.at));
    return html`
      ${this.facts(order)}
      ${orderSheet(order)}
      <order-actions .order=${order} @order-acted=${() => this.story.again()}></order-actions>
      ${order.payment?.refund_failed ? this.failedRefund(order.payment.refund_failed, order.payment.currency) : nothing}
      <trace-waterfall .entries=${entries}></trace-waterfall>
      <div class="order-grid">
        <section class="panel saga-panel" aria-labelledby="saga-title">${this.saga()}</section>
        <section class="panel story-panel" aria-labelledby="story-title">
          <div class="panel-head">
            <h2 id="story-title">Timeline</h2>
            <span class="quiet logs-note">${this.logsNote()}</span>
          </div>
          <timeline-list .entries=${entries} .beginning=${order.placed_at} .marked=${this.chosenState}></timeline-list>
        </section>
      </div>
    `;
  }

  private facts(order: Order): TemplateResult {
    const ended = order.history.find(({ status }) => hasEnded(status));
    const facts: [string, unknown][] = [
      ['Status', statusBadge(order.status, order.reason)],
      ['Placed', dayTime(order.placed_at)],
      ['Duration', ended ? span(Date.parse(ended.at) - Date.parse(order.placed_at)) : 'under way'],
      ['Total', formatMoney(order.total)],
      ['Payment', order.payment ? `${order.payment.status}${order.payment.decline_code ? ` (${order.payment.decline_code})` : ''}` : 'none'],
      ...movements(order),
      ['Shipment', order.shipment?.status ?? 'none'],
    ];
    return html`
      <dl class="facts panel" data-testid="order-facts">
        ${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}
        <div><dt>Id</dt><dd class="mono whole-id">${order.order_id}</dd></div>
        <div><dt>In the shop</dt><dd><a href="/orders/${order.order_id}">Buyer’s view</a></dd></div>
      </dl>
    `;
  }

  private failedRefund(amount: number, currency: string): TemplateResult {
    return html`
      <section class="panel failed-refund" aria-labelledby="failed-refund-title" data-testid="failed-refund">
        <h2 id="failed-refund-title">Refund failed</h2>
        <p role="status">
          ${this.retryError ?? html`${formatMoney({ amount, currency })} could not be refunded to the buyer’s card and is back on the account.`}
        </p>
        <button class="button" ?disabled=${this.isRetrying} @click=${this.retry}>${this.isRetrying ? 'Refunding…' : 'Refund again'}</button>
      </section>
    `;
  }

  private async retry(): Promise<void> {
    this.isRetrying = true;
    this.retryError = null;
    try {
      await retryRefunds(this.orderId);
    } catch (error) {
      this.retryError = error instanceof Error ? error.message : String(error);
      this.isRetrying = false;
    }
  }

  private saga(): TemplateResult | typeof nothing {
    if (!this.workflows.length) return nothing;
    const machines: Record<string, Machine> = Object.fromEntries(this.workflows.map(({ name, definition }) => [name, definition]));
    const runs = runsOf(this.timeline, machines);
    const run = runs.find(({ workflow, execution }) => this.chosenRun === `${workflow} ${execution}`) ?? runs.at(-1) ?? null;
    const workflow = this.workflows.find(({ name }) => name === (run?.workflow ?? 'fulfilment'))!;
    return html`
      <div class="panel-head">
        <h2 id="saga-title">${run ? titleOf(run) : 'fulfilment'}</h2>
        <span class="quiet">${run ? statusOf(run) : 'Not started yet'}</span>
      </div>
      ${runs.length > 1 ? this.runTabs(runs, run) : nothing}
      <saga-graph .machine=${workflow.definition} .run=${run} .selected=${this.chosenState} @state-chosen=${this.chooseState}></saga-graph>
      ${this.stateDetails(workflow.definition, run)}
    `;
  }

  private runTabs(runs: Run[], shown: Run | null): TemplateResult {
    return html`
      <div class="chips run-tabs" role="group" aria-label="Executions of this order">
        ${runs.map(
          (run) => html`
            <button class="chip" aria-pressed=${run === shown ? 'true' : 'false'} @click=${() => this.chooseRun(run)}>
              ${titleOf(run)}
            </button>
          `,
        )}
      </div>
    `;
  }

  private stateDetails(machine: Machine, run: Run | null): TemplateResult {
    const name = this.chosenState;
    const state = machine.States[name];
    if (!state) return html`<p class="saga-hint quiet">Select a state to see its details.</p>`;
    const facts = run?.states.get(name);
    return html`
      <div class="state-details" data-testid="state-details">
        <h3>${name}</h3>
        <p>${state.Comment ?? ''}</p>
        <p class="quiet">
          ${facts
            ? html`${facts.standing}, entered ${dayTime(facts.at)}, ${facts.attempts} attempt${facts.attempts === 1 ? '' : 's'}${facts.errors.length ? html`; errors: <b class="is-bad">${facts.errors.join(', ')}</b>` : nothing}.`
            : 'Not entered.'}
        </p>
      </div>
    `;
  }

  private logsNote(): string {
    if (this.logs.state === 'waiting') return 'Searching the logs…';
    if (this.logs.state === 'lost') return 'The logs are not available right now.';
    return this.hasAllLogs ? '' : 'Not all log lines are shown.';
  }

  private chooseRun(run: Run): void {
    this.chosenRun = `${run.workflow} ${run.execution}`;
    this.chosenState = '';
  }

  private async chooseState(event: CustomEvent<string>): Promise<void> {
    this.chosenState = this.chosenState === event.detail ? '' : event.detail;
    await this.updateComplete;
    requestAnimationFrame(() => this.querySelector('.moment.is-marked')?.scrollIntoView({ block: 'nearest' }));
  }

  private get isSettled(): boolean {
    return this.order !== null && hasEnded(this.order.status) && this.sinceLastChange > 15_000;
  }

  private get isLongOver(): boolean {
    return this.order !== null && hasEnded(this.order.status) && this.sinceLastChange > AFTERMATH_MS;
  }

  private get sinceLastChange(): number {
    return Date.now() - Date.parse(this.order!.history.at(-1)!.at);
  }

  private async look(signal: AbortSignal): Promise<void> {
    const [order, timeline, workflows] = await Promise.all([getOrder(this.orderId, signal), getTimeline(this.orderId, signal), listWorkflows()]);
    if (signal.aborted) return;
    const isRetrying = this.isRetrying && Boolean(order.payment?.refund_failed);
    Object.assign(this, { order, timeline, workflows, isRetrying });
  }

  private async lookThroughLogs(signal: AbortSignal): Promise<void> {
    const { items, is_complete } = await getOrderLogs(this.orderId, signal);
    if (!signal.aborted) Object.assign(this, { logged: items, hasAllLogs: is_complete });
  }
}

function movements({ payment, returns = [] }: Order): [string, string][] {
  if (!payment) return [];
  const money = (amount: number) => formatMoney({ amount, currency: payment.currency });
  const facts: [string, string][] = [];
  if (payment.withdrawn) facts.push(['Disputed', `${money(payment.withdrawn)} withdrawn`]);
  else if (payment.disputed) facts.push(['Disputed', 'inquiry, nothing withdrawn']);
  if (payment.lost) facts.push(['Lost to a dispute', money(payment.lost)]);
  for (const { id, refund, shortfall } of returns) {
    if (shortfall) facts.push([`Return ${id.slice(0, 10)}`, `${formatMoney(refund)}, ${shortfall.toLowerCase().replaceAll('_', ' ')}`]);
  }
  return facts;
}

const titleOf = (run: Run) => (run.workflow === 'return' ? `return ${run.execution.slice(0, 10)}` : run.workflow);

function statusOf(run: Run): string {
  const took = run.endedAt ? ` after ${span(Date.parse(run.endedAt) - Date.parse(run.startedAt))}` : '';
  return `${run.status}${took}`;
}
