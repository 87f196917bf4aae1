import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { documentUrl, type OrderDocument } from '../../api';
import { icons } from '../../components/icons';
import { LightElement } from '../../components/light-element';
import { formatMoney } from '../../money';
import { openLater } from '../../open-later';
import { setTitle } from '../../title';
import { complain } from '../../toast';
import { listAllDocuments, type DocumentPage } from '../api';
import { liveSign, trouble } from '../components/words';
import { Poll } from '../poll';

const PAUSE_MS = 10_000;
const KINDS: [OrderDocument['kind'], string][] = [
  ['INVOICE', 'Invoices'],
  ['CREDIT_NOTE', 'Credit notes'],
  ['REVERSAL', 'Reversals'],
];

/** The shop's invoices, credit notes and reversals, by number. */
@customElement('admin-documents-page')
export class AdminDocumentsPage extends LightElement {
  @property() kind: OrderDocument['kind'] = 'INVOICE';
  @property({ type: Number }) year = 0;
  @state() private page: DocumentPage | null = null;
  /** Where the pages before this one began, newest first; the first page begins at null. */
  @state() private cursors: (string | null)[] = [null];
  private poll = new Poll(this, (signal) => this.look(signal), () => PAUSE_MS);

  override connectedCallback(): void {
    super.connectedCallback();
    setTitle('Invoices · Console');
  }

  protected override willUpdate(changed: Map<string, unknown>): void {
    if (!this.hasUpdated || !(changed.has('kind') || changed.has('year'))) return;
    this.page = null;
    this.turnTo([null]);
  }

  protected override render() {
    const thisYear = new Date().getFullYear();
    return html`
      <div class="page-head"><h1>Invoices and credit notes</h1>${liveSign(this.poll)}</div>
      <div class="filters orders-filters">
        <nav class="chips" aria-label="Filter by kind">
          ${KINDS.map(([kind, name]) => html`<a class="chip" href=${this.address(kind, this.year)} aria-current=${kind === this.kind}>${name}</a>`)}
        </nav>
        <nav class="chips" aria-label="Filter by year">
          ${[0, 1, 2].map((back) => {
            const year = back ? thisYear - back : 0;
            return html`<a class="chip" href=${this.address(this.kind, year)} aria-current=${year === this.year}>${back ? year : 'This year'}</a>`;
          })}
        </nav>
      </div>
      ${this.poll.state === 'lost' ? trouble(this.poll.error) : nothing}
      ${this.page ? this.table(this.page) : html`<p class="empty">Loading…</p>`}
    `;
  }

  private address(kind: string, year: number): string {
    return `/admin/documents?kind=${kind}${year ? `&year=${year}` : ''}`;
  }

  private table(page: DocumentPage): TemplateResult {
    return html`
      <div class="table-frame" role="region" aria-label="Documents" tabindex="0">
        <table data-testid="documents">
          <thead>
            <tr>
              <th scope="col">Number</th>
              <th scope="col">Issued on</th>
              <th scope="col" class="optional">Order</th>
              <th scope="col" class="optional">Refers to</th>
              <th scope="col" class="number">Total</th>
              <th scope="col"><span class="visually-hidden">Open</span></th>
            </tr>
          </thead>
          <tbody>${page.items.map((document) => this.row(document))}</tbody>
        </table>
        ${page.items.length ? nothing : html`<p class="empty">No documents here.</p>`}
        ${this.turning(page.next_cursor)}
      </div>
      <p class="small-print">Days and years are those of ${page.time_zone}. Each kind is numbered without a gap, from 1 every year.</p>
    `;
  }

  private row(document: OrderDocument): TemplateResult {
    const { number, order_id, issued_on, refers_to, total } = document;
    return html`
      <tr data-testid="document-row">
        <th scope="row" class="mono nowrap">${number}</th>
        <td class="nowrap">${issued_on}</td>
        <td class="optional"><a class="mono order-id" href="/admin/orders/${order_id}">${order_id}</a></td>
        <td class="optional mono nowrap">${refers_to ?? ''}</td>
        <td class="number">${formatMoney(total)}</td>
        <td>
          <button class="button button-quiet button-small" aria-label="Open ${number}" @click=${() => this.open(document)}>${icons.page}</button>
        </td>
      </tr>
    `;
  }

  private turning(next: string | null): TemplateResult | typeof nothing {
    const isFirst = this.cursors.length === 1;
    if (isFirst && !next) return nothing;
    return html`
      <div class="table-foot actions">
        <button class="button button-quiet button-small" ?disabled=${isFirst} @click=${() => this.turnTo(this.cursors.slice(1))}>Newer</button>
        <button class="button button-quiet button-small" ?disabled=${!next} @click=${() => this.turnTo([next, ...this.cursors])}>Older</button>
      </div>
    `;
  }

  private turnTo(cursors: (string | null)[]): void {
    this.cursors = cursors;
    this.poll.again();
  }

  private async look(signal: AbortSignal): Promise<void> {
    const page = await listAllDocuments({ kind: this.kind, year: this.year || undefined, cursor: this.cursors[0] }, signal);
    if (!signal.aborted) this.page = page;
  }

  private async open({ order_id, number }: OrderDocument): Promise<void> {
    try {
      await openLater(() => documentUrl(order_id, number));
    } catch (error) {
      complain(error);
    }
  }
}
