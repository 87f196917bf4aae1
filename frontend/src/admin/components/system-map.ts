import { html, nothing, svg } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { LightElement } from '../../components/light-element';
import { RUNNING_AT_MOST, type Activity, type Link, type Part, type Queue, type SystemMap as Map_ } from '../api';
import { COLUMNS, plan, type Place, type Plan } from '../system/plan';

/** Verbs of links on which messages flow without an operator. */
const PASSES_ON = ['feeds', 'delivers', 'calls', 'runs', 'serves'];

/** Map of the deployed stack with its current load. */
@customElement('system-map')
export class SystemMapElement extends LightElement {
  @property({ attribute: false }) system!: Map_;
  @property({ attribute: false }) queues: Queue[] = [];
  @property({ attribute: false }) activity: Activity | null = null;
  /** Functions that were invoked since the last read. */
  @property({ attribute: false }) stirred = new Set<string>();
  @property() chosen = '';
  private drawn: Plan | null = null;

  protected override willUpdate(changed: Map<string, unknown>): void {
    if (changed.has('system')) this.drawn = plan(this.system);
  }

  protected override render() {
    const { places, flows, access, width, height, tray } = this.drawn!;
    const at = new Map(places.map((place) => [place.part.id, place]));
    const own = this.chosen ? access.filter((link) => this.touches(link)) : [];
    return html`
      <svg class="system ${this.chosen ? 'has-choice' : ''}" viewBox="-4 0 ${width + 8} ${height}" role="group" aria-label="The parts of the system and what flows between them" data-testid="system-map">
        <defs>
          <marker id="tip" viewBox="0 0 10 10" refX="8" refY="5" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto-start-reverse"><path d="M1 1 9 5 1 9z"></path></marker>
        </defs>
        ${COLUMNS.map((name, column) => {
          const first = places.find((place) => place.column === column);
          return first ? svg`<text class="system-column" x=${first.x + first.width / 2} y="14">${name}</text>` : nothing;
        })}
        <text class="system-column" x="0" y=${tray - 12} text-anchor="start">Dead letters</text>
        ${flows.map((link) => this.line(link, at, 'is-flow'))}
        ${own.map((link) => this.line(link, at, `is-access verb-${link.verb.replace(' ', '-')}`))}
        ${places.map((place) => this.node(place))}
      </svg>
    `;
  }

  private touches = ({ source, target }: Link) => source === this.chosen || target === this.chosen;

  private line(link: Link, at: Map<string, Place>, look: string) {
    const from = at.get(link.source) ?? holder(link.source, at);
    const to = at.get(link.target) ?? holder(link.target, at);
    if (!from || !to || from === to) return nothing;
    const classes = ['system-line', look, this.isBusy(link) ? 'is-busy' : '', this.chosen && this.touches(link) ? 'is-chosen' : ''];
    return svg`<path class=${classes.join(' ')} d=${curve(from, to)} marker-end="url(#tip)"></path>`;
  }

  /** Whether messages flow on a link, judged by the activity of both ends. */
  private isBusy({ source, target }: Link): boolean {
    return this.isAlive(source) && this.isAlive(target);
  }

  /** Whether a part is active. A passive part is active if a part after it is. */
  private isAlive(id: string): boolean {
    const kind = this.system.parts.find((part) => part.id === id)?.kind;
    if (kind === 'function') return this.stirred.has(id);
    if (kind === 'workflow') return (this.activity?.running[id] ?? 0) > 0;
    if (kind === 'queue' && this.waiting(id) + this.inFlight(id) > 0) return true;
    return this.drawn!.flows.some(({ source, target, verb }) => source === id && PASSES_ON.includes(verb) && this.isAlive(target));
  }

  private queueOf = (id: string) => {
    const name = this.system.parts.find((part) => part.id === id)?.queue;
    return name ? this.queues.find((queue) => queue.name === name) : undefined;
  };

  private waiting = (id: string) => this.queueOf(id)?.messages?.waiting ?? 0;
  private inFlight = (id: string) => this.queueOf(id)?.messages?.in_flight ?? 0;

  private node(place: Place) {
    const { part, x, y, width, height, steps } = place;
    const queue = this.queueOf(part.id);
    const dead = queue ? queue.dead_letters.waiting + queue.dead_letters.in_flight : 0;
    const load = this.loadOf(part, queue);
    const isNear = this.chosen && (part.id === this.chosen || this.system.links.some((link) => this.touches(link) && [link.source, link.target].includes(part.id)));
    const errors = this.activity?.functions[part.id]?.errors ?? 0;
    const isBusy = this.stirred.has(part.id) || this.waiting(part.id) + this.inFlight(part.id) > 0 || (this.activity?.running[part.id] ?? 0) > 0;
    const classes = ['part', `part-${part.kind}`, isBusy ? 'is-busy' : '', dead || errors ? 'is-bad' : '', isNear ? 'is-near' : '', part.id === this.chosen ? 'is-selected' : ''];
    return svg`
      <g class=${classes.join(' ')} role="button" tabindex="0" aria-pressed=${part.id === this.chosen ? 'true' : 'false'} aria-label=${this.spoken(place, load, dead)}
        data-testid="part" data-part=${part.id} @click=${() => this.choose(part)} @keydown=${(event: KeyboardEvent) => this.keyed(event, part)}>
        <rect x=${x} y=${y} width=${width} height=${height} rx=${part.kind === 'rule' || part.kind === 'topic' ? 15 : 6}></rect>
        ${words(labelOf(part), '', x + 10, y + (load ? 16 : Math.min(height, 40) / 2 + 4), width - 16, 6.3)}
        ${load ? words(load, 'part-load', x + 10, y + 30, width - 16, 5) : nothing}
        ${steps.map((step, row) => this.step(step, x, y + 48 + row * 17, width))}
        ${dead ? deadBadge(x + width, y, dead) : nothing}
      </g>
    `;
  }

  /** The label begins with the drawn text, in the same sequence, so that voice control finds it (WCAG 2.5.3). */
  private spoken({ part, steps }: Place, load: string, dead: number): string {
    const called = steps.map(({ id }) => `${id} ${this.calls(id)}`.trim());
    const deadLetters = dead ? `${upTo99(dead)} dead letters` : '';
    return [labelOf(part), load, ...called, deadLetters, part.kind.replace('_', ' ')].filter(Boolean).join(', ');
  }

  private calls = (id: string) => this.activity?.functions[id]?.invocations || '';

  private step(step: Part, x: number, y: number, width: number) {
    const hasFailed = Boolean(this.activity?.functions[step.id]?.errors);
    return svg`
      <text class="part-step ${this.stirred.has(step.id) ? 'is-stirred' : ''} ${hasFailed ? 'is-bad' : ''}" x=${x + 10} y=${y}>${step.id}</text>
      <text class="part-step part-count" x=${x + width - 10} y=${y}>${this.calls(step.id)}</text>
    `;
  }

  private loadOf(part: Part, queue: Queue | undefined): string {
    if (queue?.messages) return `${queue.messages.waiting} waiting · ${queue.messages.in_flight} in flight`;
    if (queue) return `${queue.dead_letters.waiting} letter${queue.dead_letters.waiting === 1 ? '' : 's'}`;
    if (part.kind === 'rule') return patternOf(part);
    if (part.kind === 'topic') return 'topic';
    const counted = this.activity?.functions[part.id];
    if (counted) return `${counted.invocations} calls${counted.errors ? ` · ${counted.errors} failed` : ''}`;
    const running = this.activity?.running[part.id];
    return running === undefined ? '' : `${running}${running >= RUNNING_AT_MOST ? ' or more' : ''} running`;
  }

  private keyed(event: KeyboardEvent, part: Part): void {
    if (event.key !== 'Enter' && event.key !== ' ') return;
    event.preventDefault();
    this.choose(part);
  }

  private choose(part: Part): void {
    this.dispatchEvent(new CustomEvent('part-chosen', { detail: part.id }));
  }
}

/** The workflow in which a step is drawn. */
function holder(id: string, at: Map<string, Place>): Place | undefined {
  return [...at.values()].find(({ steps }) => steps.some((step) => step.id === id));
}

const SUFFIXES: Partial<Record<Part['kind'], RegExp>> = { queue: /Queue$/, rule: /Rule$/, table: /Table$/, schedule: /Schedule$/ };

/** Label without the kind, which the column shows. */
const labelOf = ({ id, kind }: Part) => (SUFFIXES[kind] ? id.replace(SUFFIXES[kind], '') : id);

function patternOf({ says }: Part): string {
  const kinds = says?.split(', ') ?? [];
  return kinds.length > 1 ? `${kinds.length} kinds of event` : (says ?? 'by its pattern');
}

/** Draws text; long text is compressed to the available width and never cut. */
const words = (text: string, look: string, x: number, y: number, room: number, letter: number) => svg`
  <text class=${look} x=${x} y=${y} textLength=${text.length * letter > room ? room : nothing} lengthAdjust="spacingAndGlyphs">${text}</text>
`;

const upTo99 = (count: number) => (count > 99 ? '99+' : `${count}`);

const deadBadge = (right: number, y: number, count: number) => svg`
  <g class="part-dead">
    <rect x=${right - 22} y=${y - 8} width="28" height="17" rx="8.500"></rect>
    <text x=${right - 8} y=${y + 4.5}>${upTo99(count)}</text>
  </g>
`;

/** Lines run to the right and down to the dead letters. To the left, or within a column, they curve around the parts. */
function curve(from: Place, to: Place): string {
  const y1 = from.y + Math.min(from.height, 46) / 2;
  const y2 = to.y + Math.min(to.height, 46) / 2;
  if (to.column < 0) {
    const [x1, x2] = [from.x + from.width / 2, to.x + to.width / 2];
    const below = from.y + from.height;
    return `M${x1} ${below} C${x1} ${below + 60} ${x2} ${to.y - 60} ${x2} ${to.y}`;
  }
  if (from.column < to.column) {
    const [x1, x2] = [from.x + from.width, to.x];
    const bend = Math.max(16, (x2 - x1) / 2);
    return `M${x1} ${y1} C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
  }
  if (from.column === to.column) {
    const x = from.x + from.width;
    return `M${x} ${y1} C${x + 30} ${y1} ${x + 30} ${y2} ${x} ${y2}`;
  }
  const [x1, x2] = [from.x, to.x + to.width];
  const bend = Math.max(24, (x1 - x2) / 2);
  return `M${x1} ${y1} C${x1 - bend} ${y1} ${x2 + bend} ${y2} ${x2} ${y2}`;
}
