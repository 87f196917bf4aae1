import { html, nothing } from 'lit';
import { customElement, query, state } from 'lit/decorators.js';
import type { Cart, CartLine } from '../api';
import { cart, countItems, isCartStale, MAX_QUANTITY, obstacle, removeFromCart, setQuantity } from '../cart';
import { formatMoney } from '../money';
import { Watch } from '../store';
import { icons } from './icons';
import { buyingPages } from '../page-groups';
import { LightElement } from './light-element';
import './picture';
import './quantity-stepper';
import { emptyState } from './states';
import { adjustmentRows } from './sums';

/** Slides in after something was put into the cart, while the pages that come next are fetched. */
@customElement('cart-drawer')
export class CartDrawer extends LightElement {
  @query('.drawer') private drawer!: HTMLElement;
  @query('h2') private heading!: HTMLElement;
  @state() private isOpen = false;

  constructor() {
    super();
    new Watch(this, cart, isCartStale);
  }

  async open(): Promise<void> {
    this.isOpen = true;
    await this.updateComplete;
    this.drawer.showPopover();
    this.heading.focus();
    void buyingPages().catch(() => undefined);
  }

  close(): void {
    this.drawer.hidePopover();
  }

  private async takeOut(sku: string): Promise<void> {
    if (await removeFromCart(sku)) this.heading.focus();
  }

  private toggled(event: ToggleEvent): void {
    this.isOpen = event.newState === 'open';
  }

  protected override render() {
    const shown = cart.value;
    return html`
      <section class="drawer" popover aria-labelledby="drawer-title" @toggle=${this.toggled}>
        <header>
          <h2 id="drawer-title" tabindex="-1">In your cart <small>${countItems(shown)}</small></h2>
          <button class="icon-button" aria-label="Close" @click=${this.close}>${icons.close}</button>
        </header>
        ${this.isOpen && shown ? (shown.lines.length ? this.contents(shown) : empty) : nothing}
      </section>
    `;
  }

  private contents(shown: Cart) {
    return html`
      <ul class="drawer-lines">
        ${shown.lines.map((line) =>
          line.unavailable || !line.unit_price ? this.goneLine(line) : html`
            <li>
              <product-picture .src=${line.image}></product-picture>
              <span class="drawer-name">
                <a dir="auto" href="/products/${line.sku}" @click=${this.close}>${line.name}</a><small>${formatMoney(line.unit_price)} each</small>
              </span>
              <span class="price">${formatMoney(line.total)}</span>
              <span class="drawer-count">
                <quantity-stepper
                  .value=${line.quantity}
                  .max=${Math.min(MAX_QUANTITY, Math.max(line.available, 1))}
                  label="Quantity of ${line.name}"
                  @quantity=${(event: CustomEvent<number>) => setQuantity(line.sku, event.detail)}
                ></quantity-stepper>
                <button class="text-link" aria-label="Remove ${line.name}" @click=${() => this.takeOut(line.sku)}>Remove</button>
              </span>
            </li>
          `,
        )}
      </ul>
      <footer @click=${this.close}>
        ${adjustmentRows(shown)}
        <p class="sum"><span>Total</span><strong class="total" aria-live="polite" aria-busy=${isCartStale.value}>${formatMoney(shown.total)}</strong></p>
        ${obstacle(shown)
          ? html`<p class="notice">${obstacle(shown)}</p>`
          : html`<a class="button button-wide" href="/checkout" data-testid="go-to-checkout">Check out ${icons.arrow}</a>`}
        <a class="button button-quiet button-wide" href="/cart">View cart</a>
      </footer>
    `;
  }

  private goneLine({ sku, name, image }: CartLine) {
    return html`
      <li class="is-gone">
        <product-picture .src=${image}></product-picture>
        <span class="drawer-name">${name}<small>Not sold any more</small></span>
        <span class="drawer-count">
          <button class="text-link" aria-label="Remove ${name}" @click=${() => this.takeOut(sku)}>Remove</button>
        </span>
      </li>
    `;
  }
}

const empty = emptyState({ art: 'carry', title: 'Nothing packed yet', text: 'Your rucksack is light. Too light for a long story.' });

export const openDrawer = () => document.querySelector<CartDrawer>('cart-drawer')?.open();
