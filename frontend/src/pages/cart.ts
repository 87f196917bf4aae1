import { html, nothing } from 'lit';
import { customElement } from 'lit/decorators.js';
import { repeat } from 'lit/directives/repeat.js';
import type { Cart, CartLine } from '../api';
import { cart, cartError, isCartStale, loadCart, MAX_QUANTITY, obstacle, removeFromCart, setQuantity } from '../cart';
import { icons } from '../components/icons';
import '../components/left-behind';
import { LightElement } from '../components/light-element';
import '../components/picture';
import '../components/quantity-stepper';
import { emptyState, errorState, skeletonLines } from '../components/states';
import { rowsBeforeTotal } from '../components/sums';
import { formatDay } from '../dates';
import { formatMoney } from '../money';
import { Watch } from '../store';
import { setTitle } from '../title';
import { say } from '../toast';

@customElement('cart-page')
export class CartPage extends LightElement {
  constructor() {
    super();
    new Watch(this, cart, cartError, isCartStale);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    setTitle('Cart', { description: 'What you have packed so far, and what it comes to.' });
    void loadCart();
  }

  protected override render() {
    return html`<section class="section cart-page"><h1 tabindex="-1">Your cart</h1><left-behind></left-behind>${this.body()}</section>`;
  }

  private body() {
    const shown = cart.value;
    if (shown?.lines.length) return this.filled(shown);
    if (shown) return empty;
    if (cartError.value) return errorState(cartError.value, loadCart);
    return skeletonLines(6);
  }

  private filled(shown: Cart) {
    const inTheWay = obstacle(shown);
    return html`
      <div class="with-aside">
        <ul class="cart-lines">
          ${repeat(shown.lines, ({ sku }) => sku, (line) => this.line(line))}
        </ul>
        <aside class="slip" aria-label="Total">
          ${rowsBeforeTotal(shown)}
          <p class="sum sum-total"><span>Total</span><strong class="total" aria-live="polite" aria-busy=${isCartStale.value}>${formatMoney(shown.total)}</strong></p>
          ${inTheWay
            ? html`<p class="notice" data-testid="cart-obstacle">${inTheWay}</p>`
            : html`<a class="button button-big button-wide" href="/checkout" data-testid="go-to-checkout">Check out ${icons.arrow}</a>`}
          <a class="button button-quiet button-wide" href="/">Keep looking</a>
          ${shown.expires_at ? html`<p class="small-print">We keep this cart for you until ${formatDay(shown.expires_at)}.</p>` : nothing}
        </aside>
      </div>
    `;
  }

  private line(line: CartLine) {
    if (line.unavailable || !line.unit_price) return this.goneLine(line);
    const max = Math.min(MAX_QUANTITY, Math.max(line.available, 1));
    return html`
      <li class="cart-line">
        <a href="/products/${line.sku}" tabindex="-1" aria-hidden="true"><product-picture .src=${line.image}></product-picture></a>
        <div class="cart-line-words">
          <h2><a dir="auto" href="/products/${line.sku}">${line.name}</a></h2>
          <p class="small-print">${formatMoney(line.unit_price)} each</p>
          ${shortage(line)}
        </div>
        <quantity-stepper
          .value=${line.quantity}
          .max=${max}
          label="Quantity of ${line.name}"
          @quantity=${(event: CustomEvent<number>) => setQuantity(line.sku, event.detail)}
        ></quantity-stepper>
        <p class="price">${formatMoney(line.total)}</p>
        <button class="icon-button" aria-label="Remove ${line.name}" @click=${() => this.takeOut(line)}>${icons.close}</button>
      </li>
    `;
  }

  private goneLine(line: CartLine) {
    return html`
      <li class="cart-line is-gone" data-testid="unavailable-line">
        <product-picture .src=${line.image}></product-picture>
        <div class="cart-line-words">
          <h2>${line.name}</h2>
          <p class="stock stock-none">Not sold any more, and not in the total.</p>
        </div>
        <button class="button button-quiet" aria-label="Remove ${line.name}" @click=${() => this.takeOut(line)}>Remove</button>
      </li>
    `;
  }

  private async takeOut(line: CartLine) {
    if (!(await removeFromCart(line.sku))) return;
    say(line.unavailable ? `${line.name} is out of your cart.` : `${line.name} is back on the shelf.`);
    this.querySelector<HTMLElement>('h1')?.focus();
  }
}

function shortage({ quantity, available }: CartLine) {
  if (available <= 0) return html`<p class="stock stock-none">Sold out. Please remove it.</p>`;
  if (quantity > available) return html`<p class="stock stock-few">Only ${available} left. Please take fewer.</p>`;
  return nothing;
}

const empty = emptyState({
  art: 'carry',
  title: 'Nothing packed yet',
  text: 'Your rucksack is light. Too light for a long story.',
  action: html`<a class="button" href="/">Look around the shop</a>`,
});
