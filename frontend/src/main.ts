import { html, type TemplateResult } from 'lit';
import { customElement, query, state } from 'lit/decorators.js';
import { idToken, session } from './auth';
import { loadCart } from './cart';
import './components/cart-drawer';
import { LightElement } from './components/light-element';
import './components/shop-footer';
import './components/shop-header';
import './components/toast-line';
import './pages/cart';
import './pages/category';
import './pages/checkout';
import './pages/confirm';
import './pages/home';
import './pages/not-found';
import './pages/order';
import './pages/orders';
import './pages/product';
import './pages/search';
import './pages/sign-in';
import './pages/sign-up';
import { took } from './steps';
import { isOfConsole, resolve, startRouter, type Route } from './router';

const routes: Route<TemplateResult>[] = [
  { path: '/', open: () => html`<home-page></home-page>` },
  { path: '/category/:id', open: ({ id }) => html`<category-page .category=${id}></category-page>` },
  { path: '/search', open: (_, query) => html`<search-page .q=${query.get('q') ?? ''}></search-page>` },
  { path: '/products/:sku', open: ({ sku }) => html`<product-page .sku=${sku}></product-page>` },
  { path: '/cart', open: () => html`<cart-page></cart-page>` },
  { path: '/checkout', open: () => html`<checkout-page></checkout-page>` },
  { path: '/orders', open: () => html`<orders-page></orders-page>` },
  { path: '/orders/:id', open: ({ id }) => html`<order-page .orderId=${id}></order-page>` },
  {
    path: '/sign-in',
    open: (_, query) => html`<sign-in-page .next=${nextOf(query)} .email=${emailOf(query)}></sign-in-page>`,
  },
  { path: '/sign-up', open: (_, query) => html`<sign-up-page .next=${nextOf(query)}></sign-up-page>` },
  {
    path: '/confirm',
    open: (_, query) => html`<confirm-page .next=${nextOf(query)} .email=${emailOf(query)}></confirm-page>`,
  },
  { path: '.*', open: () => html`<not-found-page></not-found-page>` },
];

const emailOf = (query: URLSearchParams) => query.get('email') ?? '';

/** Where to go after signing in; only ever a page of this shop. */
function nextOf(query: URLSearchParams): string {
  const next = new URL(query.get('next') ?? '/', location.origin);
  return next.origin === location.origin ? next.pathname + next.search : '/';
}

@customElement('saga-shop')
export class SagaShop extends LightElement {
  @state() private page: TemplateResult | null = null;
  @state() private path = location.pathname;
  @query('main') private main!: HTMLElement;

  protected override firstUpdated(): void {
    took('visit');
    startRouter((url, scroll) => void this.show(url, scroll), (path) => !isOfConsole(path));
    void restoreSession();
  }

  protected override render() {
    return html`
      <a class="skip-link" href="#main">Skip to the goods</a>
      <shop-header .path=${this.path}></shop-header>
      <main id="main" tabindex="-1">${this.page}</main>
      <shop-footer></shop-footer>
      <cart-drawer></cart-drawer>
      <toast-line></toast-line>
    `;
  }

  private async show(url: URL, scroll: number): Promise<void> {
    const page = resolve(routes, url);
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

/** Going back, the page grows while its goods arrive: keep trying until it is long enough again. */
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
