import { html, nothing, type TemplateResult } from 'lit';
import { customElement, query, state } from 'lit/decorators.js';
import { keyed } from 'lit/directives/keyed.js';
import { session } from '../auth';
import { LightElement } from '../components/light-element';
import '../components/toast-line';
import { isOfConsole, navigate, resolve, startRouter, type Route } from '../router';
import { standing, type Standing } from './access';
import './components/console-rail';
import { doorway, type Refusal } from './components/doorway';
import { icons } from './components/icons';
import { notFound } from './pages/not-found';
import './pages/order';
import './pages/orders';
import './pages/system';

/** What the rail leads to. */
const areas = [
  { href: '/admin/orders', name: 'Orders', icon: icons.orders },
  { href: '/admin/system', name: 'System map', icon: icons.system },
];

const routes: Route<TemplateResult>[] = [
  {
    path: '/admin/orders',
    open: (_, query) => html`
      <admin-orders-page .status=${query.get('status') ?? ''} .customer=${query.get('customer') ?? ''}></admin-orders-page>
    `,
  },
  { path: '/admin/orders/:id', open: ({ id }) => html`${keyed(id, html`<admin-order-page .orderId=${id}></admin-order-page>`)}` },
  { path: '/admin/system', open: () => html`<admin-system-page></admin-system-page>` },
  { path: '.*', open: () => notFound },
];

@customElement('saga-console')
export class SagaConsole extends LightElement {
  @state() private page: TemplateResult | null = null;
  @state() private path = location.pathname;
  @state() private standing: Standing | 'unknown' | 'unreachable' = 'unknown';
  @query('main') private main!: HTMLElement;

  override connectedCallback(): void {
    super.connectedCallback();
    session.watch(() => void this.askWhoItIs());
    void this.askWhoItIs();
  }

  protected override firstUpdated(): void {
    startRouter((url) => void this.show(url), isOfConsole);
  }

  protected override render() {
    return html`
      <a class="skip-link" href="#main">Skip to the page</a>
      <console-rail .areas=${this.standing === 'admin' ? areas : []} .path=${this.path}></console-rail>
      <main id="main" tabindex="-1">${this.inside()}</main>
      <toast-line></toast-line>
    `;
  }

  private inside(): TemplateResult | typeof nothing | null {
    if (this.standing === 'admin') return this.page;
    if (this.standing === 'unknown') return nothing;
    return doorway(this.standing satisfies Refusal, this.path, () => void this.askWhoItIs());
  }

  private async askWhoItIs(): Promise<void> {
    this.standing = await standing().catch(() => 'unreachable' as const);
  }

  private async show(url: URL): Promise<void> {
    if (/^\/admin\/?$/.test(url.pathname)) return navigate(areas[0].href, { replace: true });
    const isFirst = this.page === null;
    this.page = resolve(routes, url).open();
    this.path = url.pathname;
    await this.updateComplete;
    if (!isFirst && !this.main.contains(document.activeElement)) this.main.focus({ preventScroll: true });
  }
}
