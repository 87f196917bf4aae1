import { html } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { icons } from './icons';
import { LightElement } from './light-element';

/** A number with a minus and a plus; reports its quantity by the event "quantity". */
@customElement('quantity-stepper')
export class QuantityStepper extends LightElement {
  @property({ type: Number }) value = 1;
  @property({ type: Number }) min = 1;
  @property({ type: Number }) max = 20;
  @property() label = 'Quantity';

  protected override render() {
    return html`
      <div class="stepper" role="group" aria-label=${this.label}>
        <button type="button" aria-label="One less" ?disabled=${this.value <= this.min} @click=${() => this.set(this.value - 1)}>
          ${icons.minus}
        </button>
        <input
          inputmode="numeric"
          autocomplete="off"
          maxlength="2"
          aria-label=${this.label}
          .value=${String(this.value)}
          @change=${this.typed}
        >
        <button type="button" aria-label="One more" ?disabled=${this.value >= this.max} @click=${() => this.set(this.value + 1)}>
          ${icons.plus}
        </button>
      </div>
    `;
  }

  private typed(event: Event): void {
    const input = event.target as HTMLInputElement;
    const typed = Number.parseInt(input.value, 10);
    this.set(Number.isNaN(typed) ? this.value : typed);
    input.value = String(this.value);
  }

  private set(wanted: number): void {
    const value = Math.max(this.min, Math.min(this.max, wanted));
    if (value === this.value) return;
    this.value = value;
    this.dispatchEvent(new CustomEvent<number>('quantity', { detail: value }));
  }
}
