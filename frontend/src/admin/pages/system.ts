import { html, nothing, type TemplateResult } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import { keyed } from 'lit/directives/keyed.js';
import { LightElement } from '../../components/light-element';
import { setTitle } from '../../title';
import { getActivity, getSystem, listQueues, RUNNING_AT_MOST, type Activity, type Part, type Queue, type SystemMap } from '../api';
import '../components/part-panel';
import '../components/system-map';
import { liveSign, errorNotice } from '../components/format';
import { Poll } from '../poll-controller';

const DEPTHS_MS = 1_500;
/** The server counts invocations once a minute for all viewers; running executions are counted at each poll. */
const ACTIVITY_MS = 20_000;

@customElement('admin-system-page')
export class AdminSystemPage extends LightElement {
  @state() private system: SystemMap | null = null;
  @state() private queues: Queue[] = [];
  @state() private activity: Activity | null = null;
  @state() private stirred = new Set<string>();
  @state() private chosen = '';
  private depths = new Poll(this, (signal) => this.lookAtQueues(signal), () => DEPTHS_MS);
  private meters = new Poll(this, (signal) => this.lookAtMeters(signal), () => ACTIVITY_MS);

  override connectedCallback(): void {
    super.connectedCallback();
    setTitle('System map · Console');
  }

  protected override render() {
    const lost = [this.depths, this.meters].find(({ state }) => state === 'lost');
    return html`
      <div class="page-head"><h1>System map</h1>${liveSign(lost ?? this.depths)}</div>
      ${lost ? errorNotice(lost.error) : nothing}
      ${this.system ? this.inside(this.system) : html`<p class="empty">Loading the deployed stack…</p>`}
    `;
  }

  private inside(system: SystemMap): TemplateResult {
    const part = system.parts.find(({ id }) => id === this.chosen);
    return html`
      ${this.totals()}
      <div class="panel system-frame" role="region" aria-label="Map" tabindex="0">
        <system-map .system=${system} .queues=${this.queues} .activity=${this.activity} .stirred=${this.stirred} .chosen=${this.chosen}
          @part-chosen=${this.choose}></system-map>
      </div>
      ${this.table(system)}
      ${part
        ? keyed(part.id, html`
            <part-panel .shown=${part} .links=${system.links} .queue=${this.queues.find(({ name }) => name === part.queue) ?? null}
              @part-chosen=${this.choose} @queue-changed=${() => this.depths.again()}></part-panel>
          `)
        : nothing}
    `;
  }

  private totals(): TemplateResult {
    const sum = (of: (queue: Queue) => number) => this.queues.reduce((total, queue) => total + of(queue), 0);
    const functions = Object.values(this.activity?.functions ?? {});
    const dead = sum(({ dead_letters }) => dead_letters.waiting);
    const errors = functions.reduce((total, each) => total + each.errors, 0);
    const minutes = this.activity?.window_minutes ?? 5;
    const numbers: [string, number | string, boolean?][] = [
      ['Sagas running', runningIn(this.activity)],
      ['Messages waiting', sum(({ messages }) => messages?.waiting ?? 0)],
      ['In flight', sum(({ messages }) => messages?.in_flight ?? 0)],
      ['Dead letters', dead, dead > 0],
      [`Calls in ${minutes} min`, functions.reduce((total, each) => total + each.invocations, 0)],
      [`Failed in ${minutes} min`, errors, errors > 0],
    ];
    return html`
      <dl class="facts panel totals">
        ${numbers.map(([name, value, isBad]) => html`<div class=${isBad ? 'is-bad' : ''}><dt>${name}</dt><dd>${value}</dd></div>`)}
      </dl>
    `;
  }

  private table(system: SystemMap): TemplateResult {
    const named = new Map(system.parts.map((part) => [part.queue, part]));
    return html`
      <h2 class="queues-title" id="queues-title">Queues</h2>
      <div class="table-frame" role="region" aria-labelledby="queues-title" tabindex="0">
        <table data-testid="queues">
          <thead>
            <tr><th scope="col">Queue</th><th scope="col" class="number">Waiting</th><th scope="col" class="number">In flight</th><th scope="col" class="number">Dead letters</th></tr>
          </thead>
          <tbody>${this.queues.map((queue) => this.row(queue, named.get(queue.name)))}</tbody>
        </table>
      </div>
    `;
  }

  private row({ name, messages, dead_letters }: Queue, part: Part | undefined): TemplateResult {
    return html`
      <tr>
        <th scope="row"><button class="link-button" ?disabled=${!part} @click=${() => (this.chosen = part!.id)}>${name}</button></th>
        <td class="number">${messages?.waiting ?? '–'}</td>
        <td class="number">${messages?.in_flight ?? '–'}</td>
        <td class="number ${dead_letters.waiting ? 'is-bad' : ''}">${dead_letters.waiting}</td>
      </tr>
    `;
  }

  private choose(event: CustomEvent<string>): void {
    const before = this.chosen;
    this.chosen = this.chosen === event.detail ? '' : event.detail;
    if (!this.chosen) this.querySelector<SVGElement>(`[data-part="${before}"]`)?.focus();
  }

  private async lookAtQueues(signal: AbortSignal): Promise<void> {
    const queues = await listQueues(signal);
    if (!signal.aborted) this.queues = queues;
  }

  private async lookAtMeters(signal: AbortSignal): Promise<void> {
    this.system ??= await getSystem(signal);
    const activity = await getActivity(signal);
    if (signal.aborted) return;
    const before = this.activity?.functions;
    const more = Object.entries(activity.functions).filter(([id, { invocations }]) => before && invocations > (before[id]?.invocations ?? 0));
    Object.assign(this, { activity, stirred: new Set(more.map(([id]) => id)) });
  }
}

/** How many executions run. The API counts each workflow's up to a limit. */
function runningIn(activity: Activity | null): string {
  const counts = Object.values(activity?.running ?? {});
  const total = counts.reduce((sum, running) => sum + running, 0);
  return `${total}${counts.some((running) => running >= RUNNING_AT_MOST) ? ' or more' : ''}`;
}
