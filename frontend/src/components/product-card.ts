import { html, nothing, type TemplateResult } from 'lit';
import type { Product } from '../api';
import { formatMoney } from '../money';
import './picture';
import { isPlenty, stockHint } from './stock-hint';

export function productCard(product: Product, eager = false): TemplateResult {
  return html`
    <article class="card" data-testid="product-card" data-sku=${product.sku}>
      <product-picture
        class="card-picture shelf-${product.category}"
        .src=${product.image}
        .category=${product.category}
        .eager=${eager}
      ></product-picture>
      <h3><a dir="auto" href="/products/${product.sku}" @click=${carryPicture}>${product.name}</a></h3>
      <p class="price">${formatMoney(product.price)}</p>
      ${isPlenty(product.available) ? nothing : stockHint(product.available)}
    </article>
  `;
}

/** Lets the picture travel to the product page when the browser animates page changes. */
function carryPicture(event: Event): void {
  const shown = document.querySelector<HTMLElement>('.product-picture');
  if (shown) shown.style.viewTransitionName = 'none';
  const card = (event.currentTarget as HTMLElement).closest('.card');
  const picture = card?.querySelector<HTMLElement>('product-picture');
  if (picture) picture.style.viewTransitionName = 'product-picture';
}
