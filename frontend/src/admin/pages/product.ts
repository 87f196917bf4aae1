import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { keyed } from 'lit/directives/keyed.js';
import { listCategories, Problem, type Category } from '../../api';
import { LightElement } from '../../components/light-element';
import { amountPattern, decimals } from '../../money';
import { navigate } from '../../router';
import { SHOP } from '../../shop';
import { setTitle } from '../../title';
import { complain, say } from '../../toast';
import { changeProduct, createProduct, getStoredProduct, type StoredProduct } from '../catalog-api';
import { conflictPanel } from '../components/conflict-panel';
import { formField } from '../components/form-field';
import '../components/stock-panel';
import { errorNotice } from '../components/format';
import { detailsOf, differences, fieldsOf, merged, MOST_PICTURES, PICTURE, type Fields } from '../product-fields';

/** Form of a product; of a new one without a sku. */
@customElement('admin-product-page')
export class AdminProductPage extends LightElement {
  @property() sku = '';
  @state() private product: StoredProduct | null = null;
  /** Values of the form that differ from the stored product. */
  @state() private draft: Fields | null = null;
  /** The version another operator saved meanwhile, and the form's values at that moment. */
  @state() private conflict: { theirs: StoredProduct; mine: Fields } | null = null;
  @state() private categories: Category[] = [];
  @state() private error: unknown = null;
  @state() private isSaving = false;
  @state() private errors: Record<string, string> = {};

  override connectedCallback(): void {
    super.connectedCallback();
    setTitle(`${this.sku || 'New product'} · Console`);
    void listCategories().then((categories) => (this.categories = categories), () => undefined);
    if (this.sku) void getStoredProduct(this.sku).then((product) => (this.product = product), (error) => (this.error = error));
  }

  protected override render() {
    return html`
      <div class="page-head">
        <h1 dir="auto">${this.product?.name ?? (this.sku || 'New product')}</h1>
        <a href="/admin/catalog">All products</a>
      </div>
      ${this.error ? errorNotice(this.error) : this.sku && !this.product ? html`<p class="empty">Loading…</p>` : this.body()}
    `;
  }

  private body(): TemplateResult {
    const shown = keyed(this.product?.version, this.form());
    return html`<div class="product">${shown}${this.sku ? html`<admin-stock-panel .sku=${this.sku}></admin-stock-panel>` : nothing}</div>`;
  }

  private form(): TemplateResult {
    const { product, errors, conflict } = this;
    const shown = this.draft ?? (product && fieldsOf(product));
    return html`
      <form class="panel form" novalidate @submit=${this.save} aria-label="Product" aria-busy=${this.isSaving}>
        ${conflict && product
          ? conflictPanel(differences(product, conflict.theirs, conflict.mine), { keep: () => this.decide(true), discard: () => this.decide(false) })
          : nothing}
        ${product?.archived ? html`<p class="notice" data-testid="is-archived">Archived: not in the shop. Existing orders still show it.</p>` : nothing}
        ${this.sku ? nothing : formField({ name: 'sku', label: 'Sku', error: errors.sku, hint: 'Capital letters, digits and hyphens. It cannot be changed later.', pattern: '[A-Z0-9][A-Z0-9\\-]{0,39}' })}
        ${formField({ name: 'name', label: 'Name', value: shown?.name, error: errors.name, maxlength: 120 })}
        ${formField({ name: 'description', label: 'Description', value: shown?.description, error: errors.description, maxlength: 2000, rows: 6, optional: true })}
        <div class="form-row">
          ${formField({ name: 'price', label: `Price, ${SHOP.currency}`, value: shown?.price, error: errors.price, inputmode: decimals(SHOP.currency) ? 'decimal' : 'numeric', pattern: amountPattern(SHOP.currency) })}
          ${formField({ name: 'category', label: 'Category', value: shown?.category, error: errors.category, options: this.categories.map(({ id }) => id), pattern: '[a-z][a-z0-9\\-]{0,39}' })}
        </div>
        ${formField({ name: 'image', label: 'Picture', value: shown?.image ?? '/images/products/none.svg', error: errors.image, hint: 'A path of this site.', pattern: PICTURE })}
        ${formField({ name: 'images', label: 'Further pictures', value: shown?.images, error: errors.images, hint: 'For the gallery, in this order: one path per line.', rows: 4, optional: true })}
        <div class="actions">
          <button class="button" ?disabled=${this.isSaving || conflict !== null} data-testid="save">${this.isSaving ? 'Saving…' : 'Save'}</button>
          ${product
            ? html`
                <button type="button" class="button button-quiet" ?disabled=${this.isSaving || conflict !== null} @click=${this.archive} data-testid="archive">
                  ${product.archived ? 'Restore' : 'Archive'}
                </button>
                <a href="/products/${this.sku}">View in the shop</a>
              `
            : nothing}
        </div>
        <p class="small-print">Orders keep the name and price at which they were placed.</p>
      </form>
    `;
  }

  private async save(event: Event): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const fields = written(form);
    const details = detailsOf(fields);
    this.errors = { ...missing(form), ...wrongPictures(details.images) };
    if (Object.keys(this.errors).length) return this.showFirst();
    await this.send(fields, async () => {
      if (!this.product) {
        const { sku } = await createProduct(fields.sku!, details);
        say(`${details.name} is saved.`);
        return navigate(`/admin/catalog/${sku}`, { replace: true });
      }
      await changeProduct(this.product, details);
      await this.reload();
      say(`${details.name} is saved.`);
    });
  }

  /** Archives or restores the product, and keeps unsaved values of the form. */
  private async archive(): Promise<void> {
    const product = this.product!;
    const fields = written(this.querySelector('form')!);
    await this.send(fields, async () => {
      await changeProduct(product, { archived: !product.archived });
      await this.reload();
      this.draft = fields;
      say(product.archived ? `${product.name} is in the shop again.` : `${product.name} is no longer sold.`);
    });
  }

  private async send(fields: Fields, work: () => Promise<void>): Promise<void> {
    if (this.isSaving) return;
    this.isSaving = true;
    try {
      await work();
    } catch (error) {
      if (error instanceof Problem && error.code === 'product_changed') await this.meet(fields);
      else this.refuse(error);
    } finally {
      this.isSaving = false;
    }
  }

  private async reload(): Promise<void> {
    this.product = await getStoredProduct(this.sku);
    this.draft = this.conflict = null;
  }

  /** Another operator saved first: show the changes and let the operator decide. */
  private async meet(mine: Fields): Promise<void> {
    try {
      this.draft = mine;
      this.conflict = { theirs: await getStoredProduct(this.sku), mine };
      await this.updateComplete;
      this.querySelector<HTMLElement>('.conflict h2')?.focus();
    } catch (error) {
      complain(error);
    }
  }

  private decide(keepsMine: boolean): void {
    const { theirs, mine } = this.conflict!;
    this.draft = keepsMine ? merged(this.product!, theirs, mine) : null;
    this.product = theirs;
    this.conflict = null;
    void this.updateComplete.then(() => this.querySelector<HTMLElement>('[data-testid="save"]')?.focus());
  }

  private refuse(error: unknown): void {
    const found = error instanceof Problem ? error.errors : [];
    // `price.amount` is shown beside the price, `images.2` beside the pictures.
    this.errors = Object.fromEntries(found.map(({ field, message }) => [field.split('.')[0], message]));
    const isOfSku = error instanceof Problem && ['sku_invalid', 'product_exists'].includes(error.code);
    if (isOfSku) this.errors = { sku: (error as Problem).message };
    if (!Object.keys(this.errors).length) return complain(error);
    this.showFirst();
  }

  private showFirst(): void {
    void this.updateComplete.then(() => this.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus());
  }
}

/** The form's values, trimmed. */
const written = (form: HTMLFormElement): Fields =>
  Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value).trim()])) as unknown as Fields;

/** The browser's validation messages, by field. */
function missing(form: HTMLFormElement): Record<string, string> {
  const controls = [...form.elements].filter((each): each is HTMLInputElement => 'validity' in each && 'name' in each);
  const wrong = controls.filter(({ name, validity }) => name && !validity.valid);
  return Object.fromEntries(wrong.map((each) => [each.name, each.validationMessage]));
}

/** A textarea has no `pattern`. */
function wrongPictures(images: string[]): Record<string, string> {
  const wrong = images.find((each) => !new RegExp(`^${PICTURE}$`, 'v').test(each));
  if (wrong) return { images: `${wrong} is not a path of this site.` };
  return images.length > MOST_PICTURES ? { images: `A gallery has at most ${MOST_PICTURES} further pictures.` } : {};
}
