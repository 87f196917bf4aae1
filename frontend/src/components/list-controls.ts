import { html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { ifDefined } from 'lit/directives/if-defined.js';
import { decimals, decimalText, minorUnits } from '../money';
import { hasPrices, SORTS, type Selection } from '../selection';
import { SHOP } from '../shop';
import { LightElement } from './light-element';

const UNREADABLE = `A price looks like ${decimalText(1250, SHOP.currency)}.`;
const REVERSED = 'This is below the lowest price.';

type Bound = 'min_price' | 'max_price';

/** Order and price range of a list. Fires `choose`, which bubbles, with the new selection as its detail. */
@customElement('list-controls')
export class ListControls extends LightElement {
  @property({ attribute: false }) selection: Selection = {};
  /** What the list is ordered by unless the visitor chooses. */
  @property() usual = 'Name';
  @state() private errors: Partial<Record<Bound, string>> = {};

  protected override render() {
    const { sort = SORTS[0] } = this.selection;
    const names = { relevance: this.usual, newest: 'Newest', price_asc: 'Price, low to high', price_desc: 'Price, high to low' };
    return html`
      <form class="list-controls" aria-label="Sort and filter" novalidate @submit=${this.submit} @change=${this.apply}>
        <div class="field">
          <label for="sort">Sort by</label>
          <select id="sort" name="sort" data-testid="sort">
            ${SORTS.map((each) => html`<option value=${each} .selected=${each === sort}>${names[each]}</option>`)}
          </select>
        </div>
        ${this.price('min_price', 'Price from')} ${this.price('max_price', 'Price to')}
        ${hasPrices(this.selection)
          ? html`<button class="text-link" type="button" @click=${this.clear}>Any price</button>`
          : nothing}
      </form>
    `;
  }

  private price(name: Bound, label: string) {
    const amount = this.selection[name];
    const error = this.errors[name];
    return html`
      <div class="field ${error ? 'has-error' : ''}">
        <label for=${name}>${label} <small>${SHOP.currency}</small></label>
        <input
          id=${name}
          name=${name}
          inputmode=${decimals(SHOP.currency) ? 'decimal' : 'numeric'}
          autocomplete="off"
          maxlength="10"
          aria-invalid=${error ? 'true' : 'false'}
          aria-describedby=${ifDefined(error ? `${name}-note` : undefined)}
          data-testid=${name}
          .value=${amount == null ? '' : decimalText(amount, SHOP.currency)}
        >
        ${error ? html`<p class="error" id="${name}-note" role="alert">${error}</p>` : nothing}
      </div>
    `;
  }

  private clear(): void {
    this.choose({ sort: this.selection.sort });
    this.querySelector<HTMLElement>('#min_price')?.focus();
  }

  private submit(event: Event): void {
    event.preventDefault();
    this.apply();
  }

  private apply(): void {
    const given = new FormData(this.querySelector('form')!);
    const [min, max] = (['min_price', 'max_price'] as const).map((name) => amountOf(String(given.get(name))));
    this.errors = {
      min_price: Number.isNaN(min) ? UNREADABLE : undefined,
      max_price: Number.isNaN(max) ? UNREADABLE : min !== undefined && max !== undefined && max < min ? REVERSED : undefined,
    };
    if (this.errors.min_price || this.errors.max_price) return;
    this.choose({ sort: SORTS.find((each) => each === given.get('sort')), min_price: min, max_price: max });
  }

  private choose(detail: Selection): void {
    this.errors = {};
    this.dispatchEvent(new CustomEvent<Selection>('choose', { detail, bubbles: true }));
  }
}

/** Nothing was typed: undefined. NaN if it is no amount. */
function amountOf(text: string): number | undefined {
  return text.trim() ? minorUnits(text.trim(), SHOP.currency) : undefined;
}
