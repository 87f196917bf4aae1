/** Paged list of the console: one page of a list, polled, with buttons that turn its pages. */
import { html, nothing, type ReactiveControllerHost, type TemplateResult } from 'lit';
import { PageTurner } from '../pager';
import { errorNotice } from './components/format';
import { Poll } from './poll-controller';

export class PagedList<Page extends { next_cursor: string | null }> {
  page: Page | null = null;
  readonly poll: Poll;
  private turner = new PageTurner();

  /** `load` reads the page that begins at the cursor; `pause` is as in Poll. */
  constructor(
    host: ReactiveControllerHost,
    load: (cursor: string | null, signal: AbortSignal) => Promise<Page>,
    pause: () => number | null,
  ) {
    const read = async (signal: AbortSignal) => {
      const page = await load(this.turner.cursor, signal);
      if (!signal.aborted) this.page = page;
    };
    this.poll = new Poll(host, read, pause);
  }

  /** Shows the first page, because the list has changed. */
  reload(): void {
    this.turner.toFirst();
    this.poll.again();
  }

  /** Shows another list: nothing of the one before stays. */
  restart(): void {
    this.page = null;
    this.reload();
  }

  /** The error of the last read, or the page, or that it is being loaded. */
  render(table: (page: Page) => TemplateResult): TemplateResult {
    return html`
      ${this.poll.state === 'lost' ? errorNotice(this.poll.error) : nothing}
      ${this.page ? table(this.page) : html`<p class="empty">Loading…</p>`}
    `;
  }

  /** What stands below a list of `count` items on this page: which ones they are, and buttons that turn pages. */
  foot(count: number, [previous, next] = ['Previous', 'Next']): TemplateResult | typeof nothing {
    const following = this.page?.next_cursor ?? null;
    const isOnly = this.turner.isFirst && !following;
    if (isOnly && !count) return nothing;
    const turn = (move: () => void) => () => (move(), this.poll.again());
    return html`
      <div class="table-foot actions">
        <span data-testid="list-place">${this.turner.place(count, following !== null)}</span>
        ${isOnly
          ? nothing
          : html`
              <button class="button button-quiet button-small" ?disabled=${this.turner.isFirst} @click=${turn(() => this.turner.toPrevious())}>${previous}</button>
              <button class="button button-quiet button-small" ?disabled=${!following} @click=${turn(() => this.turner.toNext(following, count))}>${next}</button>
            `}
      </div>
    `;
  }
}

/** A scrolling table with its column heads, and a line in place of rows where there are none. */
export function listTable(options: {
  label: string;
  testid: string;
  heads: TemplateResult;
  rows: TemplateResult[];
  empty: string;
  foot: TemplateResult | typeof nothing;
}): TemplateResult {
  const { label, testid, heads, rows, empty, foot } = options;
  return html`
    <div class="table-frame" role="region" aria-label=${label} tabindex="0">
      <table data-testid=${testid}>
        <thead><tr>${heads}</tr></thead>
        <tbody>${rows}</tbody>
      </table>
      ${rows.length ? nothing : html`<p class="empty">${empty}</p>`}
      ${foot}
    </div>
  `;
}
