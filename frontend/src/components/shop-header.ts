import { html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { listCategories, type Category } from '../api';
import { session } from '../auth';
import { cart, countItems } from '../cart';
import { SHOP } from '../shop';
import { Watch } from '../store';
import { chooseTheme, currentTheme } from '../theme';
import { openDrawer } from './cart-drawer';
import { icons } from './icons';
import { LightElement } from './light-element';
import { wordmark } from './wordmark';
import { openSearch } from './search-box';

/** How many fit beside the tools; where there are more, some and a link to all of them on the home page. */
const SHOWN_SHELVES = 6;
const SHOWN_OF_MORE = 4;

@customElement('shop-header')
export class ShopHeader extends LightElement {
  @property() path = '/';
  @state() private categories: Category[] = [];

  constructor() {
    super();
    new Watch(this, cart, session);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.requestUpdate());
  }

  /** Shelves that could not be fetched are asked for again on the next page. */
  protected override willUpdate(changed: Map<string, unknown>): void {
    if (!changed.has('path') || this.categories.length) return;
    listCategories().then(
      (found) => (this.categories = found),
      () => undefined,
    );
  }

  protected override render() {
    const items = countItems(cart.value);
    const theme = currentTheme();
    const hasMore = this.categories.length > SHOWN_SHELVES;
    return html`
      <header class="top">
        <a class="home-link" href="/" aria-label="${SHOP.name}, home">${wordmark}</a>
        <nav class="shelf-nav" aria-label="Shelves">
          <ul>
            ${this.categories.slice(0, hasMore ? SHOWN_OF_MORE : SHOWN_SHELVES).map(
              ({ id, name }) => html`
                <li><a dir="auto" href="/category/${id}" aria-current=${this.path === `/category/${id}` ? 'page' : 'false'}>${name}</a></li>
              `,
            )}
            ${hasMore ? html`<li><a href="/#shelves-title">All shelves</a></li>` : nothing}
          </ul>
        </nav>
        <div class="tools">
          <button class="finder-opener" aria-label="Search" aria-keyshortcuts="/" data-testid="open-search" @click=${openSearch}>
            ${icons.search}<span aria-hidden="true">Search <kbd>/</kbd></span>
          </button>
          <button
            class="icon-button"
            aria-label=${theme === 'dark' ? 'Use light colours' : 'Use dark colours'}
            @click=${() => this.switchTheme()}
          >
            ${theme === 'dark' ? icons.sun : icons.moon}
          </button>
          <a
            class="icon-button ${session.value ? 'is-signed-in' : ''}"
            href=${session.value ? '/account' : signInFrom(this.path)}
            aria-label=${session.value ? `Your account, signed in as ${session.value.email}` : 'Sign in'}
          >
            ${icons.person}
          </a>
          <a
            class="icon-button cart-link"
            href="/cart"
            aria-label="Cart, ${items} ${items === 1 ? 'item' : 'items'}"
            @click=${(event: MouseEvent) => this.openCart(event, items)}
          >
            ${icons.basket}<span class="cart-count" data-testid="cart-count" ?data-empty=${items === 0}>${items}</span>
          </a>
        </div>
      </header>
    `;
  }

  /** A glance into a filled cart needs no page of its own, unless the page is about the cart already. */
  private openCart(event: MouseEvent, items: number): void {
    const isPlain = !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    if (!items || !isPlain || ['/cart', '/checkout'].includes(this.path)) return;
    event.preventDefault();
    void openDrawer();
  }

  private switchTheme(): void {
    chooseTheme(currentTheme() === 'dark' ? 'light' : 'dark');
    this.requestUpdate();
  }
}

/** Brings people back to where they were, unless they are at the door already. */
function signInFrom(path: string): string {
  const isDoor = ['/sign-in', '/sign-up', '/confirm'].includes(path);
  return isDoor ? '/sign-in' : `/sign-in?next=${encodeURIComponent(path)}`;
}
