import { html, nothing, svg, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { LightElement } from '../../components/light-element';
import { scale, type Scale } from './scale';

export interface Series {
  name: string;
  tone: 'berry' | 'spruce' | 'ochre';
  values: number[];
}

const HEIGHT = 220;
const TOP = 12;
const FOOT = 24;
const LETTER = 7;
const LABEL_EVERY = 76;

/** Column chart over time, as wide as its container, with the same numbers as a table for screen readers. */
@customElement('column-chart')
export class ColumnChart extends LightElement {
  @property() caption = '';
  /** Labels below the columns. */
  @property({ attribute: false }) labels: string[] = [];
  @property({ attribute: false }) series: Series[] = [];
  @property({ attribute: false }) say: (value: number) => string = String;
  @state() private room = 640;
  private observer = new ResizeObserver(([{ contentRect }]) => (this.room = Math.max(240, Math.floor(contentRect.width))));

  override connectedCallback(): void {
    super.connectedCallback();
    this.observer.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.observer.disconnect();
  }

  protected override render() {
    return html`
      ${this.series.length > 1 ? this.legend() : nothing}
      ${this.picture(scale(this.series.flatMap(({ values }) => values)))}
      ${this.table()}
    `;
  }

  private picture(lines: Scale): TemplateResult {
    const left = Math.max(...lines.ticks.map((tick) => this.say(tick).length)) * LETTER + 10;
    const y = (value: number) => TOP + ((lines.high - value) / (lines.high - lines.low)) * (HEIGHT - TOP - FOOT);
    const step = (this.room - left) / Math.max(1, this.labels.length);
    const every = Math.ceil(LABEL_EVERY / step);
    return html`
      <svg viewBox="0 0 ${this.room} ${HEIGHT}" width=${this.room} height=${HEIGHT} aria-hidden="true">
        ${lines.ticks.map(
          (tick) => svg`
            <line class=${tick ? 'grid' : 'axis'} x1=${left} x2=${this.room} y1=${y(tick)} y2=${y(tick)} />
            <text x=${left - 8} y=${y(tick)} dy="0.32em" text-anchor="end">${this.say(tick)}</text>
          `,
        )}
        ${this.labels.map((label, place) => {
          const x = left + place * step;
          const isNamed = (this.labels.length - 1 - place) % every === 0;
          return svg`
            <g class="column">
              <title>${this.tooltip(label, place)}</title>
              <rect class="hit" x=${x} y=${TOP} width=${step} height=${HEIGHT - TOP - FOOT} />
              ${this.series.map(({ tone, values }, number) => this.bar(tone, values[place], number, x, step, y))}
              ${isNamed ? this.name(label, x + step / 2) : nothing}
            </g>
          `;
        })}
      </svg>
    `;
  }

  /** Draws a label below its column, within the chart. */
  private name(label: string, middle: number) {
    const isAtTheEdge = middle + (label.length * LETTER) / 2 > this.room;
    return svg`<text x=${isAtTheEdge ? this.room : middle} y=${HEIGHT - 6} text-anchor=${isAtTheEdge ? 'end' : 'middle'}>${label}</text>`;
  }

  private bar(tone: string, value: number, number: number, x: number, step: number, y: (value: number) => number) {
    const gap = Math.min(step * 0.28, 18);
    const width = Math.min((step - gap) / this.series.length, 56);
    const first = x + (step - width * this.series.length) / 2;
    const [top, bottom] = [y(Math.max(value, 0)), y(Math.min(value, 0))];
    return svg`<rect class="tone-${tone}" x=${first + number * width} y=${top} width=${width} height=${bottom - top} rx=${Math.min(2, width / 3)} />`;
  }

  private tooltip(label: string, place: number): string {
    const values = this.series.map(({ name, values }) => `${name} ${this.say(values[place])}`);
    return `${label}: ${values.join(', ')}`;
  }

  private legend(): TemplateResult {
    return html`<p class="legend" aria-hidden="true">${this.series.map(({ name, tone }) => html`<span class="key tone-${tone}">${name}</span>`)}</p>`;
  }

  private table(): TemplateResult {
    return html`
      <div class="visually-hidden">
        <table>
          <caption>${this.caption}</caption>
          <thead><tr><td></td>${this.series.map(({ name }) => html`<th scope="col">${name}</th>`)}</tr></thead>
          <tbody>
            ${this.labels.map(
              (label, place) => html`
                <tr><th scope="row">${label}</th>${this.series.map(({ values }) => html`<td>${this.say(values[place])}</td>`)}</tr>
              `,
            )}
          </tbody>
        </table>
      </div>
    `;
  }
}
