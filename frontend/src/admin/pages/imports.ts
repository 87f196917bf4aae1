import { html, nothing, type TemplateResult } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import type { List } from '../../api-types';
import { LightElement } from '../../components/light-element';
import { formatMoney } from '../../money';
import { SHOP } from '../../shop';
import { setTitle } from '../../title';
import { complain } from '../../toast';
import { getReport, importFile, listImports, SMALL, type Import } from '../catalog-api';
import { Attempt } from '../attempt';
import { parseCsv } from '../components/csv';
import { dayTime, liveSign, span, type Tone } from '../components/format';
import { listTable, PagedList } from '../paged-list';

const EAGER_MS = 700;
const PAUSE_MS = 8_000;
const SHOWN_ROWS = 200;
const PRICE_EXAMPLE = { amount: 1250, currency: SHOP.currency };
const TONES: Record<Import['status'], Tone> = { WAITING: 'calm', RUNNING: 'going', DONE: 'good', FAILED: 'bad' };

/** Product imports: a form to upload a file, and the results of earlier imports. */
@customElement('admin-imports-page')
export class AdminImportsPage extends LightElement {
  /** The uploaded share of a file, during its upload. */
  @state() private sent: number | null = null;
  /** The import whose report is open, and its rows. */
  @state() private report: { id: string; rows: string[][] } | null = null;
  /** The import that this page started; it is polled until it has ended. */
  private latest: string | null = null;
  private attempt = new Attempt();
  private list: PagedList<List<Import>> = new PagedList<List<Import>>(this, listImports, () => (this.isUnderWay ? EAGER_MS : PAUSE_MS));

  override connectedCallback(): void {
    super.connectedCallback();
    setTitle('Imports · Console');
  }

  protected override render() {
    return html`
      <div class="page-head">
        <h1>Imports</h1>
        <a href="/admin/catalog">All products</a>
        ${liveSign(this.list.poll)}
      </div>
      ${this.form()}
      ${this.list.render(({ items }) => this.table(items))}
    `;
  }

  private get isUnderWay(): boolean {
    return this.list.page?.items.some((each) => each.status === 'RUNNING' || (each.status === 'WAITING' && each.import_id === this.latest)) ?? false;
  }

  private form(): TemplateResult {
    return html`
      <form class="panel form import-form" @submit=${this.send}>
        <label class="filter">CSV, or JSON lines (.jsonl), up to 250 MB
          <input name="file" type="file" accept=".csv,.jsonl,text/csv" required data-testid="import-file">
        </label>
        <button class="button" ?disabled=${this.sent !== null} data-testid="import-send">${this.sent === null ? 'Import' : this.sent < 1 ? 'Sending…' : 'Importing…'}</button>
        ${this.sent === null ? nothing : html`<label class="filter">Uploading <progress .value=${this.sent}></progress></label>`}
        <dl class="columns" aria-label="What the columns mean">
          <div><dt>sku</dt><dd>Identifies the product. The only required column.</dd></div>
          <div><dt>stock</dt><dd><b>Sets</b> the units on hand, reserved units included. Importing the same file again sets the same level.</dd></div>
          <div><dt>received</dt><dd><b>Adds</b> units that were delivered. The same file is added once; a corrected file counts as another file and is added completely.</dd></div>
          <div><dt>name, description, price_amount (in minor units: ${PRICE_EXAMPLE.amount} is ${formatMoney(PRICE_EXAMPLE)}), price_currency, category, image, images</dt><dd>Without the column the field stays as it is. An empty cell of <i>description</i> or <i>images</i> clears the field.</dd></div>
          <div><dt>archived</dt><dd><b>yes</b> removes a product from the shop, <b>no</b> restores it.</dd></div>
        </dl>
        <p class="small-print">
          Separated by commas, semicolons or tabs. Empty rows are skipped. An invalid row fails by itself; a file that cannot be
          parsed is rejected. A file of up to ${SMALL.rows} rows is imported while you wait, a larger one in the background.
        </p>
      </form>
    `;
  }

  private table(imports: Import[]): TemplateResult {
    return listTable({
      label: 'Imports',
      testid: 'imports',
      heads: html`
        <th scope="col">Requested</th>
        <th scope="col">Status</th>
        <th scope="col" class="optional">Progress</th>
        <th scope="col" class="number">Written</th>
        <th scope="col" class="number optional">Unchanged</th>
        <th scope="col" class="number">Failed</th>
        <th scope="col" class="optional">Duration</th>
      `,
      rows: imports.map((each) => this.row(each)),
      empty: 'No imports yet.',
      foot: this.list.foot(imports.length, ['Newer', 'Older']),
    });
  }

  private row(shown: Import): TemplateResult {
    const { rows } = shown;
    const counted = rows.written + rows.unchanged + rows.failed;
    const isOpen = this.report?.id === shown.import_id;
    return html`
      <tr data-testid="import-row">
        <th scope="row" class="import-when">${dayTime(shown.created_at)}<small class="quiet">${shown.format}</small></th>
        <td>
          <span class="badge badge-${TONES[shown.status]}" data-testid="import-status">${shown.status}</span>
          ${shown.reason ? html`<small class="reason">${shown.reason}</small>` : nothing}
        </td>
        <td class="optional">
          ${rows.total === null ? '' : html`<progress max=${rows.total} .value=${counted} aria-label="Rows"></progress> ${counted} of ${rows.total}`}
        </td>
        <td class="number">${rows.written}</td>
        <td class="number optional">${rows.unchanged}</td>
        <td class="number nowrap">
          ${rows.failed}
          ${shown.report_url
            ? html`
                <button class="button button-small button-quiet" aria-expanded=${isOpen} @click=${() => this.toggle(shown)} data-testid="report">Why</button>
              `
            : nothing}
        </td>
        <td class="optional nowrap">${shown.ended_at ? span(Date.parse(shown.ended_at) - Date.parse(shown.created_at)) : ''}</td>
      </tr>
      ${isOpen ? html`<tr class="report"><td colspan="7">${this.reportOf(shown)}</td></tr>` : nothing}
    `;
  }

  private reportOf({ report_url }: Import): TemplateResult {
    const [heads, ...rows] = this.report!.rows;
    return html`
      <div class="report-head">
        <h2>Rows that failed</h2>
        <a class="button button-small button-quiet" href=${report_url!} download="failed-rows.csv">Download as CSV</a>
      </div>
      <div class="table-scroll" role="region" aria-label="Rows that failed" tabindex="0">
        <table data-testid="failed-rows">
          <thead><tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
          <tbody>${rows.slice(0, SHOWN_ROWS).map((cells) => html`<tr>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>`)}</tbody>
        </table>
      </div>
      ${rows.length > SHOWN_ROWS ? html`<p class="small-print">And ${rows.length - SHOWN_ROWS} more, in the file.</p>` : nothing}
    `;
  }

  private async toggle({ import_id, report_url }: Import): Promise<void> {
    if (this.report?.id === import_id) return void (this.report = null);
    try {
      this.report = { id: import_id, rows: parseCsv(await getReport(report_url!)) };
    } catch (error) {
      complain(error);
    }
  }

  private async send(event: Event): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const file = new FormData(form).get('file') as File;
    if (this.sent !== null) return;
    this.sent = 0;
    try {
      const format = file.name.endsWith('.jsonl') ? 'jsonl' : 'csv';
      const wish = [file.name, file.size, file.lastModified];
      this.latest = await this.attempt.run(wish, (key) => importFile(file, format, key, (share) => (this.sent = share)));
      form.reset();
      this.list.reload();
    } catch (error) {
      complain(error);
    } finally {
      this.sent = null;
    }
  }
}
