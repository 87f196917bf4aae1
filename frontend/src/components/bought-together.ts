import { Task } from '@lit/task';
import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { listAlsoBought, type Product } from '../api';
import { addToCart, cart, loadCart, quantityOf } from '../cart';
import { formatMoney } from '../money';
import { openDrawer } from './cart-drawer';
import { icons } from './icons';
import { LightElement } from './light-element';
import './picture';

/** What others had in the same parcel. It takes no room while that is empty or unknown. */
@customElement('bought-together')
export class BoughtTogether extends LightElement {
  @property({ attribute: false }) product!: Product;
  @state() private isAdding = false;

  private others = new Task(this, {
    args: () => [this.product.sku],
    task: ([sku], { signal }) => listAlsoBought(sku, signal),
  });

  protected override render() {
    return this.others.render({
      complete: (found) => {
        const inStock = found.filter(({ available }) => available > 0).slice(0, 2);
        return inStock.length && this.product.available > 0 ? this.offer(inStock) : nothing;
      },
    });
  }

  private offer(others: Product[]): TemplateResult {
    const all = [this.product, ...others];
    return html`
      <section class="section together" aria-labelledby="together" data-testid="bought-together">
        <div class="together-inner">
          <header>
            <h2 id="together">Often in one parcel</h2>
            <p>Others who bought it also took ${others.length === 1 ? 'this' : 'these'}.</p>
          </header>
          <ul class="together-items">
            ${all.map(
              ({ sku, name, image, category, price }, index) => html`
                <li>
                  ${index ? html`<span class="together-plus" aria-hidden="true">${icons.plus}</span>` : nothing}
                  <product-picture class="shelf-${category}" .src=${image} .category=${category}></product-picture>
                  <span class="together-name">
                    ${index ? html`<a dir="auto" href="/products/${sku}">${name}</a>` : html`<span dir="auto">${name}</span>`}<small class="price">${formatMoney(price)}</small>
                  </span>
                </li>
              `,
            )}
          </ul>
          <button class="button button-quiet" aria-disabled=${this.isAdding} data-testid="add-together" @click=${() => this.add(all)}>
            ${this.isAdding ? 'Packing…' : others.length === 1 ? 'Pack both' : 'Pack all three'}
          </button>
        </div>
      </section>
    `;
  }

  /** One unit of each that is not in the cart yet. */
  private async add(all: Product[]): Promise<void> {
    if (this.isAdding) return;
    this.isAdding = true;
    if (!cart.value) await loadCart();
    let isWhole = true;
    for (const { sku } of all) if (!quantityOf(sku)) isWhole &&= await addToCart(sku, 1);
    this.isAdding = false;
    if (isWhole) openDrawer();
  }
}
