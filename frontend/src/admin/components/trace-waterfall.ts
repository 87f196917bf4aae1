import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { LightElement } from '../../components/light-element';
import type { Entry } from '../api';
import { spansOf, type Span } from '../trace';
import { span as duration } from './format';

const WIDTH = 1_000;
const THINNEST = 3;

/** The timed work of one order as a waterfall: a row for each, by start, with the wait before it. */
@customElement('trace-waterfall')
export class TraceWaterfall extends LightElement {
  @property({ attribute: false }) entries: Entry[] = [];
  @state() private isOpen = false;

  protected override render() {
    const spans = spansOf(this.entries);
    if (!spans.length) return nothing;
    const start = spans[0]!.start;
    const total = Math.max(...spans.map(({ start: began, waited, took }) => began + waited + took)) - start;
    const trace = this.entries.find(({ trace_id }) => trace_id)?.trace_id;
    return html`
      <details class="panel trace-panel" data-testid="trace" @toggle=${(event: Event) => (this.isOpen = (event.target as HTMLDetailsElement).open)}>
        <summary>
          <h2>Trace</h2>
          <span class="quiet">${spans.length} spans in ${duration(total)}</span>
        </summary>
        ${trace ? html`<p class="quiet trace-id">X-Ray trace <code>${trace}</code></p>` : nothing}
        <p class="quiet trace-key" aria-hidden="true"><i class="is-wait"></i>waits <i></i>works</p>
        <ol class="waterfall" aria-label="Spans of this order by start">
          ${this.isOpen ? spans.map((each) => this.row(each, start, total || 1)) : nothing}
        </ol>
      </details>
    `;
  }

  private row(each: Span, start: number, total: number): TemplateResult {
    const place = (milliseconds: number) => (WIDTH * milliseconds) / total;
    const worked = each.start - start + each.waited;
    return html`
      <li class="span" data-kind=${each.kind} data-testid="span">
        <span class="span-name"><i aria-hidden="true"></i>${each.name} ${each.error ? html`<b class="is-bad">${each.error}</b>` : nothing}</span>
        <span class="span-times quiet">
          <span>+${duration(each.start - start)}</span>
          ${each.waited ? html`<span>waits ${duration(each.waited)}</span>` : nothing}
          <span>${each.verb} ${duration(each.took)}</span>
        </span>
        <svg class="span-track" viewBox="0 0 ${WIDTH} 10" preserveAspectRatio="none" aria-hidden="true">
          <rect class="is-wait" x=${place(each.start - start)} width=${place(each.waited)} height="10" />
          <rect x=${Math.min(place(worked), WIDTH - THINNEST)} width=${Math.max(THINNEST, place(each.took))} height="10" />
        </svg>
      </li>
    `;
  }
}
