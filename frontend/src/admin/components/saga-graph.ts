import { html, nothing, svg } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { LightElement } from '../../components/light-element';
import { detoursOf, type Machine } from '../saga/definition';
import type { Facts, Run, Step } from '../saga/facts';
import { layout, type Box, type Line, type Measures } from '../saga/layout';
import { span } from './format';

const WIDE: Measures = { node: { width: 146, height: 46 }, gap: 25, lane: 142 };
const NARROW: Measures = { node: { width: 98, height: 52 }, gap: 26, lane: 22 };
const narrow = matchMedia('(max-width: 44rem)');

const STANDINGS: Record<Facts['standing'], string> = { current: 'under way', done: 'done', failed: 'failed' };

/** Graph of a deployed workflow, with the path of one execution. */
@customElement('saga-graph')
export class SagaGraph extends LightElement {
  @property({ attribute: false }) machine!: Machine;
  @property({ attribute: false }) run: Run | null = null;
  @property() selected = '';
  @state() private measures = narrow.matches ? NARROW : WIDE;
  private fit = () => (this.measures = narrow.matches ? NARROW : WIDE);

  override connectedCallback(): void {
    super.connectedCallback();
    narrow.addEventListener('change', this.fit);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    narrow.removeEventListener('change', this.fit);
  }

  protected override render() {
    const { boxes, lines, start, ends, width, height } = layout(this.machine, this.measures);
    const room = 6;
    const quiet = lines.filter((line) => !this.taken(line));
    const taken = lines.filter((line) => this.taken(line));
    return html`
      <svg class="saga" viewBox="${-room} 0 ${width + 2 * room} ${height}" width=${width + 2 * room} height=${height}
        role="group" aria-label="The workflow, with the path of this execution" data-testid="saga-graph">
        <defs>${['plain', 'taken', 'back'].map(arrowHead)}</defs>
        <circle class="saga-start" cx=${start[0][0]} cy=${start[0][1]} r="5"></circle>
        <path class="saga-line ${this.run ? 'is-taken' : ''}" d=${path(start)} marker-end="url(#${this.run ? 'taken' : 'plain'})"></path>
        ${ends.map(({ name, points }) => this.end(name, points))}
        ${quiet.map((line) => this.line(line))} ${taken.map((line) => this.line(line))}
        ${boxes.map((box) => this.node(box))}
      </svg>
    `;
  }

  private end(name: string, points: [number, number][]) {
    const wasReached = this.run?.endedAt && this.run.states.has(name);
    const look = wasReached ? (this.isOnTheWayBack(name) ? 'is-back' : 'is-taken') : '';
    return svg`
      <path class="saga-line ${look}" d=${path(points)}></path>
      <circle class="saga-end ${look}" cx=${points[1][0]} cy=${points[1][1]} r="5"></circle>
    `;
  }

  private taken({ edge }: Line): Step | undefined {
    return this.run?.steps.find(({ from, to }) => from === edge.from && to === edge.to);
  }

  private line(line: Line) {
    const step = this.taken(line);
    const isAside = detoursOf(this.machine).has(line.edge.to);
    const isUndoing = step?.way === 'catch' && !isAside;
    const isBack = step && (isUndoing || this.isOnTheWayBack(step.from));
    const look = step ? (isBack ? 'back' : 'taken') : 'plain';
    const classes = ['saga-line', line.edge.way === 'catch' ? 'is-catch' : '', line.isRail ? 'is-rail' : '', step ? `is-${look}` : ''];
    const [[x1, y1], [x2]] = [line.points[0], line.points.at(-1)!];
    const hasRoom = this.measures.lane > 60 && !line.isRail && !isAside && step?.error;
    return svg`
      <path class=${classes.join(' ')} d=${path(line.points)} marker-end="url(#${look})"></path>
      ${hasRoom ? svg`<text class="saga-error" x=${(x1 + x2) / 2} y=${y1 - 7}>${fitted(step.error!, 22)}</text>` : nothing}
    `;
  }

  private isOnTheWayBack(name: string): boolean {
    const detours = detoursOf(this.machine);
    if (detours.has(name)) return false;
    const into = this.run?.steps.filter(({ to, from }) => to === name && !(detours.get(from) === name)) ?? [];
    return into.some(({ way, from }) => way === 'catch' || this.isOnTheWayBack(from));
  }

  private node(box: Box) {
    const facts = this.run?.states.get(box.name);
    const isBack = facts && box.lane > 0;
    const classes = ['saga-node', facts ? `is-${facts.standing}` : 'is-ahead', isBack ? 'is-back' : '', this.selected === box.name ? 'is-selected' : ''];
    const words = this.measures === NARROW ? halves(box.name) : [box.name];
    const timing = facts ? timingOf(facts) : '';
    const lines = [...words, ...(timing ? [timing] : [])];
    return svg`
      <g class=${classes.join(' ')} role="button" tabindex="0" aria-pressed=${this.selected === box.name ? 'true' : 'false'}
        aria-label=${spoken(words.join(' '), timing, facts)} data-testid="saga-state" data-state=${box.name} data-standing=${facts?.standing ?? 'ahead'}
        @click=${() => this.choose(box.name)} @keydown=${(event: KeyboardEvent) => this.keyed(event, box.name)}>
        <rect x=${box.x} y=${box.y} width=${box.width} height=${box.height} rx="8"></rect>
        ${lines.map((words, place) => svg`
          <text class=${timing && place === lines.length - 1 ? 'saga-time' : ''} x=${box.x + box.width / 2}
            y=${box.y + box.height / 2 + (place - (lines.length - 1) / 2) * 15 + 4.5}>${words}</text>
        `)}
        ${facts && facts.attempts > 1 ? this.attempts(box, facts.attempts) : nothing}
      </g>
    `;
  }

  private attempts(box: Box, count: number) {
    return svg`
      <g class="saga-attempts">
        <rect x=${box.x + box.width - 25} y=${box.y - 9} width="30" height="18" rx="9"></rect>
        <text x=${box.x + box.width - 10} y=${box.y + 4}>×${count}</text>
      </g>
    `;
  }

  private keyed(event: KeyboardEvent, name: string): void {
    if (event.key !== 'Enter' && event.key !== ' ') return;
    event.preventDefault();
    this.choose(name);
  }

  private choose(name: string): void {
    this.dispatchEvent(new CustomEvent('state-chosen', { detail: name }));
  }
}

const arrowHead = (name: string) => svg`
  <marker id=${name} class="saga-head head-${name}" viewBox="0 0 10 10" refX="8.500" refY="5" markerWidth="7" markerHeight="7" orient="auto-start-reverse">
    <path d="M1 1 9 5 1 9z"></path>
  </marker>
`;

/** With round corners. */
function path(points: [number, number][]): string {
  const radius = 8;
  return points
    .map(([x, y], place) => {
      if (place === 0) return `M${x} ${y}`;
      const after = points[place + 1];
      if (!after) return `L${x} ${y}`;
      const before = points[place - 1];
      const toward = ([tx, ty]: [number, number]) => {
        const length = Math.hypot(tx - x, ty - y) || 1;
        const cut = Math.min(radius, length / 2);
        return `${x + ((tx - x) / length) * cut} ${y + ((ty - y) / length) * cut}`;
      };
      return `L${toward(before)} Q${x} ${y} ${toward(after)}`;
    })
    .join(' ');
}

const fitted = (words: string, length: number) => (words.length > length ? `${words.slice(0, length - 1)}…` : words);

/** `ReserveInventory` in two lines. */
function halves(name: string): string[] {
  const words = name.split(/(?=[A-Z])/);
  return words.length === 1 ? words : [words[0], words.slice(1).join('')];
}

function timingOf({ at, leftAt, standing }: Facts): string {
  if (leftAt) return span(Date.parse(leftAt) - Date.parse(at));
  return standing === 'current' ? `${span(Date.now() - Date.parse(at))} …` : '';
}

/** The label begins with the drawn text in its order, so that voice control finds it (WCAG 2.5.3). */
function spoken(name: string, timing: string, facts: Facts | undefined): string {
  if (!facts) return `${name}, not entered`;
  const attempts = facts.attempts > 1 ? `${facts.attempts} attempts` : '';
  return [name, timing, attempts, STANDINGS[facts.standing], ...facts.errors].filter(Boolean).join(', ');
}
