import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { repeat } from 'lit/directives/repeat.js';
import { LightElement } from '../../components/light-element';
import type { Entry, Kind } from '../api';
import { functionOf, shortName } from '../trace';
import { clockTime, span } from './format';

export const KINDS: Record<Kind, string> = {
  action: 'Operator actions',
  call: 'API calls',
  order: 'Order versions',
  event: 'Events',
  queue: 'Queue hops',
  workflow: 'Workflows',
  state: 'States',
  payment: 'Payment',
  shipment: 'Shipment',
  email: 'Emails',
  push: 'Pushes',
  log: 'Log lines',
};

/** Timeline of an order; each entry opens to its raw document. */
@customElement('timeline-list')
export class TimelineList extends LightElement {
  @property({ attribute: false }) entries: Entry[] = [];
  @property() beginning = '';
  /** The state whose entries are marked. */
  @property() marked = '';
  @state() private leftOut = new Set<Kind>();

  protected override render() {
    const shown = keyed(this.entries).filter(([, { kind }]) => !this.leftOut.has(kind));
    return html`
      <div class="chips kinds" role="group" aria-label="Kinds of entries that are shown">
        ${(Object.keys(KINDS) as Kind[]).map((kind) => this.chip(kind))}
      </div>
      <ol class="story" data-testid="timeline">
        ${repeat(shown, ([key]) => key, ([, entry]) => this.item(entry))}
      </ol>
    `;
  }

  private chip(kind: Kind): TemplateResult | typeof nothing {
    const count = this.entries.filter((entry) => entry.kind === kind).length;
    if (!count) return nothing;
    return html`
      <button class="chip kind-chip" data-kind=${kind} aria-pressed=${this.leftOut.has(kind) ? 'false' : 'true'} @click=${() => this.toggle(kind)}>
        <i aria-hidden="true"></i>${KINDS[kind]} <span class="quiet">${count}</span>
      </button>
    `;
  }

  private toggle(kind: Kind): void {
    const hidden = new Set(this.leftOut);
    if (!hidden.delete(kind)) hidden.add(kind);
    this.leftOut = hidden;
  }

  private item(entry: Entry): TemplateResult {
    const isMarked = this.marked !== '' && entry.kind === 'state' && entry.title === this.marked;
    return html`
      <li class="moment ${isMarked ? 'is-marked' : ''}" data-kind=${entry.kind} data-testid="moment">
        <details>
          <summary>
            ${clockTime(entry.at)}
            <span class="moment-after quiet">+${span(Math.max(0, Date.parse(entry.at) - Date.parse(this.beginning)))}</span>
            <i aria-hidden="true"></i>
            <span class="moment-words"><b class=${tone(entry)}>${headline(entry)}</b> <span class="quiet">${gist(entry)}</span></span>
          </summary>
          <pre tabindex="0" aria-label="Raw document">${JSON.stringify(entry.document ?? entry.details, null, 2)}</pre>
        </details>
      </li>
    `;
  }
}

/** Gives each entry a stable key, so that open entries stay open when more arrive. */
function keyed(entries: Entry[]): [string, Entry][] {
  const seen = new Map<string, number>();
  return entries.map((entry) => {
    const name = `${entry.kind} ${entry.at} ${entry.title}`;
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return [`${name} ${count}`, entry];
  });
}

const detailOf = (entry: Entry, key: string) => (typeof entry.details[key] === 'string' || typeof entry.details[key] === 'number' ? String(entry.details[key]) : '');

const HEADLINES: Partial<Record<Kind, (entry: Entry) => string>> = {
  action: (entry) => `operator: ${[entry.title, detailOf(entry, 'occasion')].join(' ').trim()}`,
  order: (entry) => `${entry.title} · ${detailOf(entry, 'status')}`,
  call: (entry) => `${detailOf(entry, 'method')} ${detailOf(entry, 'path')}`,
  queue: (entry) => `${entry.title === 'message sent' ? 'to' : 'from'} ${shortName(detailOf(entry, 'queue'))}`,
  push: () => 'update pushed',
  email: (entry) => `email: ${entry.title.split(' ')[0]}`,
  payment: (entry) => (entry.title === 'payment call' ? `${detailOf(entry, 'operation')} → ${detailOf(entry, 'outcome')}` : entry.title),
};

const headline = (entry: Entry) => HEADLINES[entry.kind]?.(entry) ?? entry.title;

const GISTS: Partial<Record<Kind, (entry: Entry) => string>> = {
  action: (entry) => `${detailOf(entry, 'why')} (${detailOf(entry, 'by')})`,
  order: (entry) => detailOf(entry, 'reason'),
  event: (entry) => (entry.details.published_at ? `published after ${span(Date.parse(String(entry.details.published_at)) - Date.parse(entry.at))}` : 'not published yet'),
  call: (entry) => `${detailOf(entry, 'status')} ${detailOf(entry, 'code')}`,
  queue: (entry) => `${functionOf(entry)}${Number(entry.details.receive_count ?? 1) > 1 ? `, delivery ${detailOf(entry, 'receive_count')}` : ''} ${detailOf(entry, 'action')}`,
  push: (entry) => `${detailOf(entry, 'status')} to ${detailOf(entry, 'connections')} connection${entry.details.connections === 1 ? '' : 's'}`,
  log: (entry) => `${functionOf(entry)} ${detailOf(entry, 'occasion')}`,
  workflow: (entry) => detailOf(entry, 'error'),
  payment: (entry) => (entry.title === 'payment call' ? functionOf(entry) : ''),
  shipment: (entry) => detailOf(entry, 'tracking_number'),
  state: stateGist,
};

function stateGist(entry: Entry): string {
  const { left_at: leftAt, errors } = entry.details as { left_at: string | null; errors: string[] };
  const took = leftAt ? span(Date.parse(leftAt) - Date.parse(entry.at)) : 'under way';
  return [took, ...errors].join(' · ');
}

const gist = (entry: Entry) => GISTS[entry.kind]?.(entry) ?? '';

function tone(entry: Entry): string {
  const isBad =
    (entry.kind === 'state' && (entry.details.errors as string[]).length > 0) ||
    (entry.kind === 'workflow' && /failed|aborted|timed/.test(entry.title)) ||
    ['ERROR', 'CRITICAL'].includes(detailOf(entry, 'level')) ||
    entry.details.status === 'CANCELLED';
  return isBad ? 'is-bad' : '';
}
