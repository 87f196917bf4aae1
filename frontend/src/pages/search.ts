import { html } from 'lit';
import { customElement, property, query } from 'lit/decorators.js';
import { icons } from '../components/icons';
import { LightElement } from '../components/light-element';
import '../components/product-grid';
import { withSelection, type Selection } from '../selection';
import { setTitle } from '../title';

const PAUSE_MS = 220;

@customElement('search-page')
export class SearchPage extends LightElement {
  @property() q = '';
  @property({ attribute: false }) selection: Selection = {};
  @query('input') private input!: HTMLInputElement;
  private timer = 0;

  protected override firstUpdated(): void {
    setTitle('Search', { description: 'Find something for camp, kitchen and the long dark, by name or by what it is made of.' });
    this.input.focus();
  }

  protected override render() {
    return html`
      <section class="section search-page">
        <h1>What are you looking for?</h1>
        <form role="search" class="search-form" action="/search" @submit=${this.submit}>
          ${icons.search}
          <input
            type="search"
            name="q"
            dir="auto"
            aria-label="Search the shop"
            placeholder="lantern, wool, something for soup…"
            autocomplete="off"
            enterkeyhint="search"
            maxlength="80"
            .value=${this.q}
            @input=${this.typed}
          >
        </form>
        <h2 class="visually-hidden">${this.q ? 'Found' : 'All our goods'}</h2>
        <product-grid .q=${this.q} .selection=${this.selection} @choose=${this.choose}></product-grid>
      </section>
    `;
  }

  private typed(): void {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.look(), PAUSE_MS);
  }

  private submit(event: Event): void {
    event.preventDefault();
    clearTimeout(this.timer);
    this.look();
  }

  private look(): void {
    this.q = this.input.value.trim();
    const address = new URL(location.href);
    if (this.q) address.searchParams.set('q', this.q);
    else address.searchParams.delete('q');
    history.replaceState(history.state, '', `${address.pathname}${address.search}`);
  }

  private choose({ detail }: CustomEvent<Selection>): void {
    this.selection = detail;
    history.replaceState(history.state, '', withSelection(location.href, detail));
  }
}
