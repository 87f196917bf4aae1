import { html, nothing, type TemplateResult } from 'lit';
import { customElement, query, state } from 'lit/decorators.js';
import { idToken, session } from './auth';
import { loadCart } from './cart';
import './components/cart-drawer';
import { LightElement } from './components/light-element';
import './components/shop-footer';
import './components/shop-header';
import './components/toast-line';
import './components/offline-line';
import './components/search-box';
import { nextTask } from './next-task';
import { accountPages, buyingPages, orderPages } from './page-groups';
import './pages/category';
import './pages/error';
import './pages/home';
import './pages/not-found';
import './pages/product';
import './pages/search';
import { isOfConsole, resolve, startRouter, type Route } from './router';
import { selectionOf } from './selection';
import { took } from './steps';

const routes: Route<TemplateResult>[] = [
  { path: '/', open: () => html`<home-page></home-page>` },
  {
    path: '/category/:id',
    open: ({ id }, query) => html`<category-page .category=${id} .selection=${selectionOf(query)}></category-page>`,
  },
  { path: '/products/:sku', open: ({ sku }) => html`<product-page .sku=${sku}></product-page>` },
  {
    path: '/search',
    open: (_, query) => html`<search-page .q=${query.get('q') ?? ''} .selection=${selectionOf(query)}></search-page>`,
  },
  { path: '/cart', fetch: buyingPages, open: () => html`<cart-page></cart-page>` },
  { path: '/checkout', fetch: buyingPages, open: () => html`<checkout-page></checkout-page>` },
  { path: '/orders', fetch: orderPages, open: () => html`<orders-page></orders-page>` },
  { path: '/orders/:id', fetch: orderPages, open: ({ id }) => html`<order-page .orderId=${id}></order-page>` },
  {
    path: '/find-order',
    fetch: orderPages,
    open: (_, query) => html`<find-order-page .order=${query.get('order') ?? ''}></find-order-page>`,
  },
  { path: '/unsubscribe', fetch: accountPages, open: () => html`<unsubscribe-page></unsubscribe-page>` },
  { path: '/account', fetch: accountPages, open: () => html`<account-page></account-page>` },
  { path: '/account/settings', fetch: accountPages, open: () => html`<account-settings-page></account-settings-page>` },
  {
    path: '/sign-in',
    fetch: accountPages,
    open: (_, query) => html`<sign-in-page .next=${nextOf(query)} .email=${emailOf(query)}></sign-in-page>`,
  },
  {
    path: '/sign-up',
    fetch: accountPages,
    open: (_, query) => html`<sign-up-page .next=${nextOf(query)}></sign-up-page>`,
  },
  {
    path: '/confirm',
    fetch: accountPages,
    open: (_, query) => html`<confirm-page .next=${nextOf(query)} .email=${emailOf(query)}></confirm-page>`,
  },
  {
    path: '/forgotten-password',
    fetch: accountPages,
    open: (_, query) =>
      html`<forgotten-password-page .next=${nextOf(query)} .email=${emailOf(query)}></forgotten-password-page>`,
  },
  { path: '.*', open: () => html`<not-found-page></not-found-page>` },
];

const emailOf = (query: URLSearchParams) => query.get('email') ?? '';

/** Where to go after signing in; only ever a page of this shop. A path that begins with `//` would be another host. */
function nextOf(query: URLSearchParams): string {
  const asked = query.get('next') ?? '/';
  const next = URL.canParse(asked, location.origin) ? new URL(asked, location.origin) : null;
  return next?.origin === location.origin ? `/${(next.pathname + next.search).replace(/^[/]+/, '')}` : '/';
}

@customElement('saga-shop')
export class SagaShop extends LightElement {
  @state() private page: TemplateResult | null = null;
  @state() private path = location.pathname;
  /** False in the first rendering, which leaves out what is not seen at once: no task is long on a slow phone. */
  @state() private isWhole = false;
  private wanted = '';
  @query('main') private main!: HTMLElement;

  protected override firstUpdated(): void {
    void nextTask().then(() => (this.isWhole = true));
    took('visit');
    startRouter((url, scroll) => void this.show(url, scroll), (path) => !isOfConsole(path));
    void restoreSession();
    offerShelter();
  }

  protected override render() {
    return html`
      <a class="skip-link" href="#main">Skip to the goods</a>
      <shop-header .path=${this.path}></shop-header>
      <offline-line></offline-line>
      <main id="main" tabindex="-1">${this.page}</main>
      ${this.isWhole ? html`<shop-footer></shop-footer><cart-drawer></cart-drawer>` : nothing}
      <search-box></search-box>
      <toast-line></toast-line>
    `;
  }

  /** The page of an address with all it needs, or null if another address was opened while it was loaded. */
  private async fetched(url: URL): Promise<TemplateResult | null> {
    this.wanted = url.href;
    const isWanted = () => this.wanted === url.href;
    try {
      const { fetch, open } = resolve(routes, url);
      await fetch?.();
      return isWanted() ? open() : null;
    } catch {
      return isWanted() ? html`<error-page></error-page>` : null;
    }
  }

  private async show(url: URL, scroll: number): Promise<void> {
    const page = await this.fetched(url);
    if (!page) return;
    const isFirst = this.page === null;
    const swap = async () => {
      this.page = page;
      this.path = url.pathname;
      await this.updateComplete;
      if (isFirst && scroll === 0) return;
      scrollBack(scroll);
      if (!this.main.contains(document.activeElement)) this.main.focus({ preventScroll: true });
    };
    if (isFirst || !document.startViewTransition) return swap();
    const transition = document.startViewTransition(swap);
    // A transition is skipped when the next one starts or the page is hidden; nothing is lost then.
    transition.ready.catch(() => undefined);
    transition.finished.catch(() => undefined);
  }
}

/** Shelter for the next visit that finds no line; the shop works the same without. */
function offerShelter(): void {
  if (!('serviceWorker' in navigator)) return;
  const register = () => void navigator.serviceWorker.register('/service-worker.js').catch(() => undefined);
  if (document.readyState === 'complete') register();
  else addEventListener('load', register);
}

/** Going back, the page grows while its items arrive: keep trying until it is long enough again. */
function scrollBack(to: number): void {
  const deadline = performance.now() + 800;
  const attempt = () => {
    scrollTo({ top: to, behavior: 'instant' });
    if (scrollY < to - 1 && performance.now() < deadline) requestAnimationFrame(attempt);
  };
  attempt();
}

/** A known customer's cart comes with the session; a guest's has to be asked for. */
async function restoreSession(): Promise<void> {
  await idToken().catch(() => undefined);
  if (!session.value) void loadCart();
}
