import { Task } from '@lit/task';
import { html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { getProduct, Problem, seenProducts, type Product } from '../api';
import { addToCart, cart, MAX_QUANTITY, quantityOf } from '../cart';
import { openDrawer } from '../components/cart-drawer';
import { icons } from '../components/icons';
import { LightElement } from '../components/light-element';
import '../components/bought-together';
import '../components/product-gallery';
import '../components/product-grid';
import '../components/quantity-stepper';
import { emptyState, errorState, skeletonLines } from '../components/states';
import { stockHint } from '../components/stock-hint';
import { formatMoney } from '../money';
import { Watch } from '../store';
import { setTitle } from '../title';

@customElement('product-page')
export class ProductPage extends LightElement {
  @property() sku = '';
  @state() private quantity = 1;
  @state() private isAdding = false;

  private product = new Task(this, {
    args: () => [this.sku],
    task: async ([sku], { signal }) => {
      this.quantity = 1;
      const product = await getProduct(sku, signal);
      setTitle(product.name, { description: product.description, isUnlisted: product.archived });
      return product;
    },
  });

  constructor() {
    super();
    new Watch(this, cart);
  }

  protected override render() {
    const seen = seenProducts.get(this.sku);
    const waiting = () => (seen ? this.details(seen) : skeleton);
    return this.product.render({
      initial: waiting,
      pending: waiting,
      complete: (product) => this.details(product),
      error: (error) =>
        error instanceof Problem && error.status === 404
          ? this.gone()
          : html`<section class="section">${errorState(error, () => this.product.run(), true)}</section>`,
    });
  }

  private gone() {
    setTitle('Not on our shelves', { isUnlisted: true });
    return html`<section class="section">${gone}</section>`;
  }

  private details(product: Product) {
    return html`
      <section class="section product">
        <nav aria-label="You are here" class="crumbs">
          <a href="/category/${product.category}">${icons.back} Back to the <span dir="auto">${product.category}</span> shelf</a>
        </nav>
        <product-gallery
          .name=${product.name}
          .pictures=${[product.image, ...product.images]}
          .category=${product.category}
        ></product-gallery>
        <div class="product-words">
          <h1 dir="auto">${product.name}</h1>
          ${product.archived ? nothing : html`<p class="price product-price">${formatMoney(product.price)}</p>`}
          <div class="product-text">${product.description.split('\n\n').map((part) => html`<p dir="auto">${part}</p>`)}</div>
          ${product.archived ? archived(product) : this.offer(product)}
        </div>
      </section>
      <bought-together .product=${product}></bought-together>
      <section class="section" aria-labelledby="neighbours">
        <header class="section-head"><h2 id="neighbours">Beside it on the shelf</h2></header>
        <product-grid .category=${product.category} .except=${product.sku} .limit=${4}></product-grid>
      </section>
    `;
  }

  private offer(product: Product) {
    return html`
      ${stockHint(product.available)} ${product.available > 0 ? this.buying(product) : soldOut}
      <ul class="assurances">
        <li>${icons.parcel} Tracked delivery is included</li>
        <li>${icons.check} Nothing is charged before your parcel leaves</li>
        <li>${icons.back} Send back what you do not want to keep</li>
      </ul>
    `;
  }

  private buying(product: Product) {
    const inCart = quantityOf(product.sku);
    const room = Math.min(MAX_QUANTITY, product.available) - inCart;
    return html`
      <div class="buying">
        <quantity-stepper
          .value=${this.quantity}
          .max=${Math.max(1, room)}
          @quantity=${(event: CustomEvent<number>) => (this.quantity = event.detail)}
        ></quantity-stepper>
        <button
          class="button button-big"
          data-testid="add-to-cart"
          ?disabled=${room < 1}
          aria-disabled=${this.isAdding ? 'true' : nothing}
          @click=${() => this.add(product)}
        >
          ${this.isAdding ? 'Adding…' : 'Add to cart'}
        </button>
      </div>
      ${inCart ? html`<p class="in-cart">${icons.check} ${inCart} in your <a href="/cart">cart</a></p>` : nothing}
    `;
  }

  private async add(product: Product) {
    if (this.isAdding) return;
    this.isAdding = true;
    const isAdded = await addToCart(product.sku, this.quantity);
    this.isAdding = false;
    if (!isAdded) return;
    this.quantity = 1;
    openDrawer();
  }
}

const soldOut = html`<button class="button button-big" disabled data-testid="add-to-cart">Sold out</button>`;

const archived = ({ category }: Product) => html`
  <p class="stock stock-none" data-testid="archived">No longer sold</p>
  <p>We have taken it off the shelf for good. Orders that have it are not affected.</p>
  <p><a class="button" href="/category/${category}">See what else is on this shelf</a></p>
`;

const gone = emptyState({
  isWholePage: true,
  art: 'carry',
  title: 'Not on our shelves',
  text: 'We do not carry this, or not any more.',
  action: html`<a class="button" href="/">Back to the shop</a>`,
});

const skeleton = html`
  <section class="section product" aria-busy="true">
    <h1 class="visually-hidden">One of our goods</h1>
    <p class="visually-hidden" role="status">Fetching it from the shelf…</p>
    <p class="crumbs"></p>
    <i class="skeleton product-picture"></i>
    <div class="product-words">${skeletonLines(6)}</div>
  </section>
`;
