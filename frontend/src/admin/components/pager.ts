import { html, nothing, type TemplateResult } from 'lit';

type Cursors = (string | null)[];

/** Buttons below a list that is longer than a page. `cursors` are where its pages so far began, this page's first. */
export function pager(cursors: Cursors, next: string | null, turnTo: (cursors: Cursors) => void): TemplateResult | typeof nothing {
  const isFirst = cursors.length === 1;
  if (isFirst && !next) return nothing;
  return html`
    <div class="table-foot actions">
      <button class="button button-quiet button-small" ?disabled=${isFirst} @click=${() => turnTo(cursors.slice(1))}>Before</button>
      <button class="button button-quiet button-small" ?disabled=${!next} @click=${() => turnTo([next, ...cursors])}>More</button>
    </div>
  `;
}
