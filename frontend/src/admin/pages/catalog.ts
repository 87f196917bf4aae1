import { html, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { listCategories, type Category, type List, type Product } from '../../api';
import { LightElement } from '../../components/light-element';
import { formatMoney } from '../../money';
import { navigate } from '../../router';
import { setTitle } from '../../title';
import { listProductsForAdmin } from '../catalog-api';
import { liveSign } from '../components/format';
import { listTable, PagedList } from '../paged-list';

const PAUSE_MS = 10_000;
const LOW = 5;

@customElement('admin-catalog-page')
export class AdminCatalogPage extends LightElement {
  @property() q = '';
  @property() category = '';
  /** `true` for the products that are no longer sold. */
  @property() archived = '';
  @state() private categories: Category[] = [];
  private list = new PagedList(this, (cursor, signal) => this.load(cursor, signal), () => PAUSE_MS);

  override connectedCallback(): void {
    super.connectedCallback();
    setTitle('Catalog · Console');
    void listCategories().then((categories) => (this.categories = categories), () => undefined);
  }

  protected override willUpdate(changed: Map<string, unknown>): void {
    if (!this.hasUpdated || !(changed.has('q') || changed.has('category') || changed.has('archived'))) return;
    this.list.restart();
  }

  protected override render() {
    return html`
      <div class="page-head">
        <h1>Catalog</h1>
        <div class="actions">
          <a class="button button-small" href="/admin/catalog/new">New product</a>
          <a class="button button-small button-quiet" href="/admin/catalog/imports">Import a file</a>
        </div>
        ${liveSign(this.list.poll)}
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
      ${this.list.render((page) => this.table(page))}
    `;
  }

  private table({ items }: List<Product>): TemplateResult {
    return listTable({
      label: 'Products',
      testid: 'products',
      heads: html`
        <th scope="col">Product</th>
        <th scope="col" class="optional">Category</th>
        <th scope="col" class="number">Price</th>
        <th scope="col" class="number">Available</th>
      `,
      rows: items.map(row),
      empty: 'No products match.',
      foot: this.list.foot(items.length),
    });
  }

  private load(cursor: string | null, signal: AbortSignal): Promise<List<Product>> {
    return listProductsForAdmin({ q: this.q, category: this.category, archived: this.archived === 'true', cursor }, signal);
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
