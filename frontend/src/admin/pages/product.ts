import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { getProduct, listCategories, Problem, type Category, type Product } from '../../api';
import { LightElement } from '../../components/light-element';
import { formatDayAndTime } from '../../dates';
import { navigate } from '../../router';
import { setTitle } from '../../title';
import { complain, say } from '../../toast';
import { getStock, moveStock, putProduct, type Movement, type Shelf, type Stock } from '../api';
import { formField } from '../components/form-field';
import { trouble } from '../components/words';
import { Poll } from '../poll';

const CURRENCY = 'EUR';
const PAUSE_MS = 5_000;
/** A path below this shop: a page of it asks nobody else. */
const PICTURE = '(/[\\p{L}\\p{N}_.\\-]+)+';
const MOST_PICTURES = 8;
const COUNTERS: [keyof Omit<Stock, 'sku'>, string][] = [
  ['available', 'On the shelf'],
  ['reserved', 'Set aside for orders'],
  ['sold', 'Sold'],
  ['received', 'Received in all'],
];

/** One product to edit, or without a sku a new one. */
@customElement('admin-product-page')
export class AdminProductPage extends LightElement {
  @property() sku = '';
  @state() private product: Product | null = null;
  @state() private shelf: Shelf | null = null;
  @state() private categories: Category[] = [];
  @state() private error: unknown = null;
  @state() private isSaving = false;
  @state() private errors: Record<string, string> = {};
  private poll = new Poll(this, (signal) => this.count(signal), () => (this.sku ? PAUSE_MS : null));

  override connectedCallback(): void {
    super.connectedCallback();
    setTitle(`${this.sku || 'New product'} · Console`);
    void listCategories().then((categories) => (this.categories = categories), () => undefined);
    if (this.sku) void getProduct(this.sku).then((product) => (this.product = product), (error) => (this.error = error));
  }

  protected override render() {
    return html`
      <div class="page-head">
        <h1 dir="auto">${this.product?.name ?? (this.sku || 'New product')}</h1>
        <a href="/admin/catalog">All products</a>
      </div>
      ${this.error ? trouble(this.error) : this.sku && !this.product ? html`<p class="empty">Looking…</p>` : this.body()}
    `;
  }

  private body(): TemplateResult {
    return html`<div class="product">${this.form()}${this.sku ? this.pieces() : nothing}</div>`;
  }

  private form(): TemplateResult {
    const { product, errors } = this;
    const price = product ? (product.price.amount / 100).toFixed(2) : '';
    return html`
      <form class="panel form" novalidate @submit=${this.save} aria-label="Product" aria-busy=${this.isSaving}>
        ${this.sku ? nothing : formField({ name: 'sku', label: 'Sku', error: errors.sku, hint: 'Capital letters, digits and hyphens. It stays for ever.', pattern: '[A-Z0-9][A-Z0-9\\-]{0,39}' })}
        ${formField({ name: 'name', label: 'Name', value: product?.name, error: errors.name, maxlength: 120 })}
        ${formField({ name: 'description', label: 'Description', value: product?.description, error: errors.description, maxlength: 2000, rows: 6, optional: true })}
        <div class="form-row">
          ${formField({ name: 'price', label: `Price, ${CURRENCY}`, value: price, error: errors.price, inputmode: 'decimal', pattern: '\\d{1,6}([.,]\\d{1,2})?' })}
          ${formField({ name: 'category', label: 'Category', value: product?.category, error: errors.category, options: this.categories.map(({ id }) => id), pattern: '[a-z][a-z0-9\\-]{0,39}' })}
        </div>
        ${formField({ name: 'image', label: 'Picture', value: product?.image ?? '/images/products/none.svg', error: errors.image, hint: 'A path below this shop.', pattern: PICTURE })}
        ${formField({ name: 'images', label: 'Further pictures', value: product?.images.join('\n'), error: errors.images, hint: 'For the gallery, in its order: one path on each line.', rows: 4, optional: true })}
        <div class="actions">
          <button class="button" ?disabled=${this.isSaving} data-testid="save">${this.isSaving ? 'Saving…' : 'Save'}</button>
          ${product ? html`<a href="/products/${this.sku}">See it in the shop</a>` : nothing}
        </div>
        <p class="small-print">Orders keep the name and the price of the moment when they were placed.</p>
      </form>
    `;
  }

  private pieces(): TemplateResult {
    return html`
      <section class="panel form" aria-labelledby="stock">
        <h2 id="stock">Pieces</h2>
        ${this.poll.state === 'lost' ? trouble(this.poll.error) : nothing}
        <dl class="counters">
          ${COUNTERS.map(([counter, name]) => html`<div><dt>${name}</dt><dd data-testid="stock-${counter}">${this.shelf?.[counter] ?? '…'}</dd></div>`)}
        </dl>
        <form class="filters" @submit=${this.move}>
          <label class="filter">Received, or taken away (−)
            <input name="delta" type="number" min="-100000" max="100000" step="1" required data-testid="delta">
          </label>
          <label class="filter filter-wide">Why
            <input name="note" maxlength="200" autocomplete="off" data-testid="note">
          </label>
          <button class="button button-quiet" data-testid="move-stock">Change</button>
        </form>
        <p class="small-print">On the shelf + set aside + sold = received, always.</p>
        ${this.shelf?.movements.length
          ? html`
              <h3>What came and went</h3>
              <ol class="movements" data-testid="movements">${this.shelf.movements.map(movement)}</ol>
              <p class="small-print">By hand and with files. What orders took and brought back is in the orders.</p>
            `
          : nothing}
      </section>
    `;
  }

  private async count(signal: AbortSignal): Promise<void> {
    if (!this.sku) return;
    const shelf = await getStock(this.sku, signal);
    if (!signal.aborted) this.shelf = shelf;
  }

  private async move(event: Event): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const told = new FormData(form);
    try {
      const stock = await moveStock(this.sku, Number(told.get('delta')), String(told.get('note')));
      form.reset();
      say(`${stock.available} on the shelf now.`);
      this.shelf = await getStock(this.sku);
    } catch (error) {
      complain(error);
    }
  }

  private async save(event: Event): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const told = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value).trim()]));
    const images = told.images.split(/\s*\n\s*/).filter(Boolean);
    this.errors = { ...missing(form), ...wrongPictures(images) };
    if (Object.keys(this.errors).length) return this.showFirst();
    this.isSaving = true;
    try {
      const { name, description, category, image } = told;
      const price = { amount: cents(told.price), currency: CURRENCY };
      const saved = await putProduct(this.sku || told.sku, { name, description, category, image, images, price });
      say(`${saved.name} is saved.`);
      if (this.sku) this.product = saved;
      else navigate(`/admin/catalog/${saved.sku}`, { replace: true });
    } catch (error) {
      this.refuse(error);
    } finally {
      this.isSaving = false;
    }
  }

  private refuse(error: unknown): void {
    const found = error instanceof Problem ? error.errors : [];
    // `price.amount` is told beside the price, `images.2` beside the pictures.
    this.errors = Object.fromEntries(found.map(({ field, message }) => [field.split('.')[0], message]));
    if (error instanceof Problem && error.code === 'sku_invalid') this.errors = { sku: error.message };
    if (!Object.keys(this.errors).length) return complain(error);
    this.showFirst();
  }

  private showFirst(): void {
    void this.updateComplete.then(() => this.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus());
  }
}

const movement = ({ at, delta, note, by }: Movement): TemplateResult => html`
  <li>
    <strong>${delta > 0 ? '+' : '−'}${Math.abs(delta)}</strong>
    <span><span dir="auto">${note || 'No reason given'}</span><small>${formatDayAndTime(at)}${by ? ` · ${by}` : nothing}</small></span>
  </li>
`;

/** What the browser finds wrong, by field. */
function missing(form: HTMLFormElement): Record<string, string> {
  const controls = [...form.elements].filter((each): each is HTMLInputElement => 'validity' in each && 'name' in each);
  const wrong = controls.filter(({ name, validity }) => name && !validity.valid);
  return Object.fromEntries(wrong.map((each) => [each.name, each.validationMessage]));
}

/** An area of text knows no pattern of its own. */
function wrongPictures(images: string[]): Record<string, string> {
  const wrong = images.find((each) => !new RegExp(`^${PICTURE}$`, 'v').test(each));
  if (wrong) return { images: `${wrong} is no path below this shop.` };
  return images.length > MOST_PICTURES ? { images: `A gallery has ${MOST_PICTURES} further pictures at most.` } : {};
}

/** `12,5` and `12.50` are both 1250; no arithmetic with fractions. */
function cents(text: string): number {
  const [whole, fraction = ''] = text.split(/[.,]/);
  return Number(whole) * 100 + Number(fraction.padEnd(2, '0'));
}
