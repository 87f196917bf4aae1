import { html, nothing, type TemplateResult } from 'lit';
import { customElement, query, state } from 'lit/decorators.js';
import { listCategories, listProducts, type Category, type Product } from '../api';
import { formatMoney } from '../money';
import { navigate } from '../router';
import { categoryArt } from './category-art';
import { icons } from './icons';
import { LightElement } from './light-element';
import './picture';
import { isPlenty, stockHint } from './stock-hint';

const PAUSE_MS = 140;
const MOST = 6;
const LAST = 1_000;
const WORDS = ['lantern', 'wool', 'brass', 'soup'];

/** Search from anywhere: the shelves answer while one types, and the arrow keys walk along what was found. */
@customElement('search-box')
export class SearchBox extends LightElement {
  @query('dialog') private dialog!: HTMLDialogElement;
  @query('input') private input!: HTMLInputElement;
  @state() private q = '';
  @state() private found: Product[] | null = null;
  @state() private isMore = false;
  @state() private active = -1;
  @state() private state: 'resting' | 'looking' | 'lost' = 'resting';
  @state() private categories: Category[] = [];
  private looking = new AbortController();
  private timer = 0;

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener('keydown', this.slash);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener('keydown', this.slash);
  }

  open(): void {
    if (this.dialog.open) return;
    listCategories().then(
      (found) => (this.categories = found),
      () => undefined,
    );
    this.dialog.showModal();
    this.input.select();
  }

  protected override render() {
    const isOpen = this.q !== '' && !!this.found?.length;
    return html`
      <dialog class="finder" aria-label="Search the shop" @click=${this.outside} @close=${this.forget}>
        <form class="finder-line" role="search" action="/search" @submit=${this.submit}>
          ${icons.search}
          <input
            type="text"
            name="q"
            role="combobox"
            aria-label="Search the shop"
            aria-expanded=${isOpen}
            aria-controls="finder-found"
            aria-autocomplete="list"
            aria-activedescendant=${this.active >= 0 ? `finder-${this.active}` : nothing}
            placeholder="What are you looking for?"
            autocomplete="off"
            autocapitalize="off"
            spellcheck="false"
            enterkeyhint="search"
            maxlength="80"
            data-testid="search-input"
            .value=${this.q}
            @input=${this.typed}
            @keydown=${this.walk}
          >
          <button class="icon-button" type="button" aria-label="Close" @click=${() => this.dialog.close()}>${icons.close}</button>
        </form>
        <p class="visually-hidden" role="status">${this.summary()}</p>
        <div class="finder-body ${this.state === 'looking' ? 'is-stale' : ''}">
          <ul id="finder-found" class="finder-found" role="listbox" aria-label="Found" ?hidden=${!isOpen}>
            ${isOpen ? this.found!.map((product, index) => this.option(product, index)) : nothing}
          </ul>
          ${this.beside(isOpen)}
        </div>
      </dialog>
    `;
  }

  private option(product: Product, index: number): TemplateResult {
    const isActive = index === this.active;
    return html`
      <li
        id="finder-${index}"
        class="finder-option ${isActive ? 'is-active' : ''}"
        role="option"
        aria-selected=${isActive}
        data-testid="search-option"
        @click=${() => this.go(`/products/${product.sku}`)}
        @pointermove=${() => (this.active = index)}
      >
        <product-picture class="shelf-${product.category}" .src=${product.image} .category=${product.category}></product-picture>
        <span class="finder-name" dir="auto">${marked(product.name, this.q)}</span>
        ${isPlenty(product.available) ? nothing : stockHint(product.available)}
        <span class="price">${formatMoney(product.price)}</span>
      </li>
    `;
  }

  /** What stands below, or instead of, the list: all results, why there are none, or where to begin. */
  private beside(isOpen: boolean): TemplateResult | typeof nothing {
    if (this.state === 'lost') {
      return html`<p class="finder-note">We cannot reach the shelves right now. <button class="text-link" @click=${this.look}>Try again</button></p>`;
    }
    if (isOpen) {
      return html`
        <p class="finder-all">
          <a class="text-link" href=${this.allUrl()} @click=${this.follow}>${this.isMore ? 'See everything' : 'See on a page'} ${icons.arrow}</a>
          <span class="finder-keys" aria-hidden="true"><kbd>↑</kbd><kbd>↓</kbd> to choose <kbd>↵</kbd> to open</span>
        </p>
      `;
    }
    if (this.q && this.found) {
      return html`<p class="finder-note">Nothing called “<span dir="auto">${this.q}</span>”. Try a shorter word, or walk along the shelves.</p>${this.shelves()}`;
    }
    if (this.q) return nothing;
    return html`
      <p class="finder-hint">For example</p>
      <ul class="finder-words">
        ${WORDS.map((word) => html`<li><button class="chip" @click=${() => this.ask(word)}>${word}</button></li>`)}
      </ul>
      ${this.shelves()}
    `;
  }

  private shelves() {
    return html`
      <p class="finder-hint">Along the shelves</p>
      <ul class="finder-shelves">
        ${this.categories.map(
          ({ id, name }) => html`
            <li><a class="shelf-${id}" href="/category/${id}" @click=${this.follow}>${categoryArt(id)}<span dir="auto">${name}</span></a></li>
          `,
        )}
      </ul>
    `;
  }

  private summary(): string {
    if (!this.q || this.state !== 'resting' || !this.found) return '';
    if (!this.found.length) return `Nothing called ${this.q}.`;
    const count = `${this.found.length}${this.isMore ? ' or more' : ''}`;
    return `${count} ${this.found.length === 1 ? 'thing' : 'things'} found. Use the arrow keys to choose.`;
  }

  private allUrl = () => `/search?q=${encodeURIComponent(this.q)}`;

  private typed(): void {
    this.q = this.input.value.trim();
    this.active = -1;
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.look(), PAUSE_MS);
  }

  private ask(word: string): void {
    this.q = word;
    this.input.focus();
    void this.look();
  }

  private async look(): Promise<void> {
    this.looking.abort();
    this.looking = new AbortController();
    const { signal } = this.looking;
    if (!this.q) {
      this.found = null;
      this.state = 'resting';
      return;
    }
    this.state = 'looking';
    try {
      const { items, next_cursor } = await listProducts({ q: this.q }, signal);
      this.found = [...items].sort((one, other) => placeOf(one, this.q) - placeOf(other, this.q)).slice(0, MOST);
      this.isMore = items.length > MOST || next_cursor !== null;
      this.state = 'resting';
    } catch {
      if (!signal.aborted) this.state = 'lost';
    }
  }

  private walk(event: KeyboardEvent): void {
    const count = this.found?.length ?? 0;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !count) return;
    event.preventDefault();
    // Beyond either end the line itself comes next, as if it were one of them.
    this.active = ((this.active + 1 + step + count + 1) % (count + 1)) - 1;
    void this.updateComplete.then(() => this.querySelector('.is-active')?.scrollIntoView({ block: 'nearest' }));
  }

  private submit(event: Event): void {
    event.preventDefault();
    const chosen = this.found?.[this.active];
    if (chosen) this.go(`/products/${chosen.sku}`);
    else if (this.q) this.go(this.allUrl());
  }

  private follow = (event: Event): void => {
    const isPlain = !(event as MouseEvent).metaKey && !(event as MouseEvent).ctrlKey;
    if (isPlain) this.dialog.close();
  };

  private go(url: string): void {
    this.dialog.close();
    navigate(url);
  }

  private outside(event: Event): void {
    if (event.target === this.dialog) this.dialog.close();
  }

  private forget(): void {
    this.looking.abort();
    clearTimeout(this.timer);
    this.q = '';
    this.found = null;
    this.active = -1;
    this.state = 'resting';
  }

  private slash = (event: KeyboardEvent): void => {
    const isTyping = (event.target as Element).closest?.('input, select, textarea, [contenteditable]');
    if (event.key !== '/' || event.metaKey || event.ctrlKey || event.altKey || isTyping) return;
    event.preventDefault();
    this.open();
  };
}

const firstWord = (q: string) => q.split(/\s+/)[0].toLowerCase();

/** What is called so comes before what is only made of it. */
const placeOf = ({ name }: Product, q: string) => {
  const at = name.toLowerCase().indexOf(firstWord(q));
  return at < 0 ? LAST : at;
};

/** The part of the name that was asked for stands out. */
function marked(name: string, q: string): TemplateResult | string {
  const word = firstWord(q);
  const at = name.toLowerCase().indexOf(word);
  if (at < 0) return name;
  return html`${name.slice(0, at)}<mark>${name.slice(at, at + word.length)}</mark>${name.slice(at + word.length)}`;
}

export const openSearch = () => document.querySelector<SearchBox>('search-box')?.open();
