import { html, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { documentUrl, type OrderDocument } from '../../api';
import { icons } from '../../components/icons';
import { LightElement } from '../../components/light-element';
import { formatMoney } from '../../money';
import { openLater } from '../../open-later';
import { setTitle } from '../../title';
import { complain } from '../../toast';
import { listAllDocuments, type DocumentPage } from '../api';
import { liveSign } from '../components/format';
import { listTable, PagedList } from '../paged-list';

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
  private list = new PagedList(
    this,
    (cursor, signal) => listAllDocuments({ kind: this.kind, year: this.year || undefined, cursor }, signal),
    () => PAUSE_MS,
  );

  override connectedCallback(): void {
    super.connectedCallback();
    setTitle('Invoices · Console');
  }

  protected override willUpdate(changed: Map<string, unknown>): void {
    if (!this.hasUpdated || !(changed.has('kind') || changed.has('year'))) return;
    this.list.restart();
  }

  protected override render() {
    const thisYear = new Date().getFullYear();
    return html`
      <div class="page-head"><h1>Invoices and credit notes</h1>${liveSign(this.list.poll)}</div>
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
      ${this.list.render((page) => this.table(page))}
    `;
  }

  private address(kind: string, year: number): string {
    return `/admin/documents?kind=${kind}${year ? `&year=${year}` : ''}`;
  }

  private table({ items, time_zone }: DocumentPage): TemplateResult {
    const table = listTable({
      label: 'Documents',
      testid: 'documents',
      heads: html`
        <th scope="col">Number</th>
        <th scope="col">Issued on</th>
        <th scope="col" class="optional">Order</th>
        <th scope="col" class="optional">Refers to</th>
        <th scope="col" class="number">Total</th>
        <th scope="col"><span class="visually-hidden">Open</span></th>
      `,
      rows: items.map((document) => this.row(document)),
      empty: 'No documents.',
      foot: this.list.foot(items.length, ['Newer', 'Older']),
    });
    return html`
      ${table}
      <p class="small-print">Days and years are those of ${time_zone}. Each kind is numbered without a gap, from 1 every year.</p>
    `;
  }

  private row(document: OrderDocument): TemplateResult {
    const { number, order_id, order_number, issued_on, refers_to, total } = document;
    return html`
      <tr data-testid="document-row">
        <th scope="row" class="mono nowrap">${number}</th>
        <td class="nowrap">${issued_on}</td>
        <td class="optional"><a class="mono order-id" href="/admin/orders/${order_id}">${order_number}</a></td>
        <td class="optional mono nowrap">${refers_to ?? ''}</td>
        <td class="number">${formatMoney(total)}</td>
        <td>
          <button class="button button-quiet button-small" aria-label="Open ${number}" @click=${() => this.open(document)}>${icons.page}</button>
        </td>
      </tr>
    `;
  }

  private async open({ order_id, number }: OrderDocument): Promise<void> {
    try {
      await openLater(() => documentUrl(order_id, number));
    } catch (error) {
      complain(error);
    }
  }
}
