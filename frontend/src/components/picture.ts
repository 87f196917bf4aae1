import { html } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { categoryArt } from './category-art';
import { LightElement } from './light-element';

/** A product's picture; when the file is missing, the drawing of its shelf stands in. */
@customElement('product-picture')
export class ProductPicture extends LightElement {
  @property() src = '';
  @property() alt = '';
  @property() category = 'camp';
  @property({ type: Boolean }) eager = false;
  @state() private missing = '';

  protected override render() {
    if (!this.src || this.missing === this.src) return categoryArt(this.category);
    return html`
      <img
        src=${this.src}
        alt=${this.alt}
        width="800"
        height="800"
        loading=${this.eager ? 'eager' : 'lazy'}
        decoding="async"
        @error=${() => (this.missing = this.src)}
      >
    `;
  }
}
