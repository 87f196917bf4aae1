import { html, nothing } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';
import { LightElement } from './light-element';
import './picture';

/** A product's pictures: one large, the others below; on a phone they are swiped through. */
@customElement('product-gallery')
export class ProductGallery extends LightElement {
  @property({ attribute: false }) pictures: string[] = [];
  @property() name = '';
  @property() category = 'camp';
  @state() private shown = 0;
  @query('.gallery-strip') private strip!: HTMLElement;

  protected override willUpdate(changed: Map<string, unknown>): void {
    if (changed.has('name')) this.shown = 0;
  }

  protected override updated(changed: Map<string, unknown>): void {
    if (changed.has('name') && changed.get('name')) this.strip.scrollTo({ left: 0, behavior: 'instant' });
  }

  protected override render() {
    const isMany = this.pictures.length > 1;
    return html`
      <section class="gallery" role=${isMany ? 'group' : nothing} aria-label=${isMany ? `Pictures of ${this.name}` : nothing}>
        <div class="gallery-strip" tabindex=${isMany ? '0' : '-1'} role="group" aria-label="Large picture" @scroll=${this.scrolled} @keydown=${this.arrows}>
          ${this.pictures.map(
            (src, index) => html`
              <product-picture
                class="${index === 0 ? 'product-picture' : ''} shelf-${this.category}"
                .src=${src}
                .alt=${this.altOf(index)}
                .category=${this.category}
                ?eager=${index === 0}
              ></product-picture>
            `,
          )}
        </div>
        ${isMany ? this.thumbs() : nothing}
      </section>
    `;
  }

  private thumbs() {
    return html`
      <ul class="gallery-thumbs">
        ${this.pictures.map(
          (src, index) => html`
            <li>
              <button
                class="gallery-thumb"
                aria-label="Show picture ${index + 1} of ${this.pictures.length}"
                aria-current=${index === this.shown ? 'true' : 'false'}
                data-testid="gallery-thumb"
                @click=${() => this.show(index)}
              >
                <product-picture class="shelf-${this.category}" .src=${src} .category=${this.category}></product-picture>
              </button>
            </li>
          `,
        )}
      </ul>
    `;
  }

  private altOf = (index: number) => (index === 0 ? this.name : `${this.name}, picture ${index + 1} of ${this.pictures.length}`);

  private show(index: number): void {
    this.shown = Math.max(0, Math.min(this.pictures.length - 1, index));
    this.strip.scrollTo({ left: this.shown * this.strip.clientWidth });
  }

  private arrows(event: KeyboardEvent): void {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    this.show(this.shown + step);
  }

  private scrolled(): void {
    this.shown = Math.round(this.strip.scrollLeft / this.strip.clientWidth);
  }
}
