import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { listCategories, type Category, type List, type Product } from '../../api';
import { LightElement } from '../../components/light-element';
import { formatMoney } from '../../money';
import { navigate } from '../../router';
import { setTitle } from '../../title';
import { listProductsForAdmin } from '../catalog-api';
import { pager } from '../components/pager';
import { liveSign, trouble } from '../components/words';
import { Poll } from '../poll';

const PAUSE_MS = 10_000;
const LOW = 5;

@customElement('admin-catalog-page')
export class AdminCatalogPage extends LightElement {
  @property() q = '';
  @property() category = '';
  /** `true` for the products that are no longer sold. */
  @property() archived = '';
  @state() private categories: Category[] = [];
  @state() private page: List<Product> | null = null;
  /** Where the pages before this one began, newest first; the first page begins at null. */
  @state() private cursors: (string | null)[] = [null];
  private poll = new Poll(this, (signal) => this.look(signal), () => PAUSE_MS);

  override connectedCallback(): void {
    super.connectedCallback();
    setTitle('Catalog · Console');
    void listCategories().then((categories) => (this.categories = categories), () => undefined);
  }

  protected override willUpdate(changed: Map<string, unknown>): void {
    if (!this.hasUpdated || !(changed.has('q') || changed.has('category') || changed.has('archived'))) return;
    this.page = null;
    this.turnTo([null]);
  }

  protected override render() {
    return html`
      <div class="page-head">
        <h1>Catalog</h1>
        <div class="actions">
          <a class="button button-small" href="/admin/catalog/new">New product</a>
          <a class="button button-small button-quiet" href="/admin/catalog/imports">Import a file</a>
        </div>
        ${liveSign(this.poll)}
      </div>
      <form class="filters catalog-filters" role="search" @submit=${this.search}>
        <label class="filter filter-wide">Name, text or sku
          <input name="q" type="search" dir="auto" maxlength="200" autocomplete="off" spellcheck="false" .value=${this.q} data-testid="search">
        </label>
        <label class="filter">Category
          <select name="category">
            <option value="">All</option>
            ${this.categories.map(({ id, name }) => html`<option value=${id} ?selected=${id === this.category}>${name}</option>`)}
          </select>
        </label>
        <label class="filter">Sold
          <select name="archived" data-testid="archived">
            <option value="">In the shop</option>
            <option value="true" ?selected=${this.archived === 'true'}>Archived</option>
          </select>
        </label>
        <button class="button button-quiet">Find</button>
      </form>
      ${this.poll.state === 'lost' ? trouble(this.poll.error) : nothing}
      ${this.page ? this.table(this.page) : html`<p class="empty">Looking…</p>`}
    `;
  }

  private table({ items, next_cursor }: List<Product>): TemplateResult {
    return html`
      <div class="table-frame" role="region" aria-label="Products" tabindex="0">
        <table data-testid="products">
          <thead>
            <tr>
              <th scope="col">Product</th>
              <th scope="col" class="optional">Category</th>
              <th scope="col" class="number">Price</th>
              <th scope="col" class="number">Available</th>
            </tr>
          </thead>
          <tbody>${items.map(row)}</tbody>
        </table>
        ${items.length ? nothing : html`<p class="empty">No product is like that.</p>`}
        ${pager(this.cursors, next_cursor, (cursors) => this.turnTo(cursors))}
      </div>
    `;
  }

  private turnTo(cursors: (string | null)[]): void {
    this.cursors = cursors;
    this.poll.again();
  }

  private async look(signal: AbortSignal): Promise<void> {
    const filter = { q: this.q, category: this.category, archived: this.archived === 'true', cursor: this.cursors[0] };
    const page = await listProductsForAdmin(filter, signal);
    if (!signal.aborted) this.page = page;
  }

  private search(event: Event): void {
    event.preventDefault();
    const wanted = new FormData(event.target as HTMLFormElement);
    const query = new URLSearchParams();
    for (const name of ['q', 'category', 'archived']) if (wanted.get(name)) query.set(name, String(wanted.get(name)).trim());
    navigate(query.size ? `/admin/catalog?${query}` : '/admin/catalog');
  }
}

const row = ({ sku, name, category, price, image, available, archived }: Product) => html`
  <tr data-testid="product-row">
    <th scope="row">
      <a class="product-name" href="/admin/catalog/${sku}">
        <img src=${image} alt="" width="40" height="40" loading="lazy">
        <span><span dir="auto">${name}</span><small class="mono quiet">${sku}</small></span>
      </a>
    </th>
    <td class="optional" dir="auto">${category}</td>
    <td class="number">${formatMoney(price)}</td>
    <td class="number">
      ${archived ? html`<span class="badge badge-calm still">archived</span>` : available >= LOW ? available : html`<span class="badge badge-${available ? 'going still' : 'bad'}">${available}</span>`}
    </td>
  </tr>
`;
