import { html, nothing, type TemplateResult } from 'lit';
import { customElement, query, state } from 'lit/decorators.js';
import { keyed } from 'lit/directives/keyed.js';
import { session } from '../auth';
import { LightElement } from '../components/light-element';
import '../components/toast-line';
import { config } from '../config';
import { isOfConsole, navigate, resolve, startRouter, type Route } from '../router';
import { standing, type Standing } from './access';
import './components/console-rail';
import { authLayout, type Refusal } from './components/auth-layout';
import { icons } from './components/icons';
import { notFound } from './pages/not-found';
import './pages/order';
import './pages/orders';
import './pages/system';
import './pages/catalog';
import './pages/documents';
import './pages/imports';
import './pages/insights';
import './pages/lab';
import './pages/product';
import './pages/reports';

/** Areas of the console, as the navigation shows them. */
const areas = [
  { href: '/admin/orders', name: 'Orders', icon: icons.orders },
  { href: '/admin/system', name: 'System map', icon: icons.system },
  { href: '/admin/documents', name: 'Invoices', icon: icons.documents },
  { href: '/admin/insights', name: 'Insights', icon: icons.insights },
  { href: '/admin/catalog', name: 'Catalog', icon: icons.catalog },
];
const lab = { href: '/admin/lab', name: 'Lab', icon: icons.lab };

const routes: Route<TemplateResult>[] = [
  {
    path: '/admin/orders',
    open: (_, query) => html`
      <admin-orders-page
        .status=${query.get('status') ?? ''} .customer=${query.get('customer') ?? ''}
        .from=${query.get('from') ?? ''} .to=${query.get('to') ?? ''}></admin-orders-page>
    `,
  },
  { path: '/admin/orders/:id', open: ({ id }) => html`${keyed(id, html`<admin-order-page .orderId=${id}></admin-order-page>`)}` },
  {
    path: '/admin/documents',
    open: (_, query) => html`
      <admin-documents-page .kind=${query.get('kind') ?? 'INVOICE'} .year=${Number(query.get('year')) || 0}></admin-documents-page>
    `,
  },
  { path: '/admin/system', open: () => html`<admin-system-page></admin-system-page>` },
  { path: '/admin/insights', open: (_, query) => html`<admin-insights-page .days=${Number(query.get('days')) || 7}></admin-insights-page>` },
  {
    path: '/admin/insights/reports',
    open: (_, query) => html`<admin-reports-page .show=${query.get('show') ?? 'orders'} .wanted=${Object.fromEntries(query)}></admin-reports-page>`,
  },
  {
    path: '/admin/catalog',
    open: (_, query) => html`<admin-catalog-page .q=${query.get('q') ?? ''} .category=${query.get('category') ?? ''} .archived=${query.get('archived') ?? ''}></admin-catalog-page>`,
  },
  { path: '/admin/catalog/imports', open: () => html`<admin-imports-page></admin-imports-page>` },
  { path: '/admin/catalog/:sku', open: ({ sku }) => html`${keyed(sku, html`<admin-product-page .sku=${sku === 'new' ? '' : sku}></admin-product-page>`)}` },
  { path: '/admin/lab', open: () => html`<admin-lab-page></admin-lab-page>` },
  { path: '.*', open: () => notFound },
];

@customElement('saga-console')
export class SagaConsole extends LightElement {
  @state() private page: TemplateResult | null = null;
  @state() private path = location.pathname;
  @state() private standing: Standing | 'unknown' | 'unreachable' = 'unknown';
  @state() private hasLab = false;
  @query('main') private main!: HTMLElement;

  override connectedCallback(): void {
    super.connectedCallback();
    session.watch(() => void this.askWhoItIs());
    void this.askWhoItIs();
    void config().then(({ lab }) => (this.hasLab = Boolean(lab)));
  }

  protected override firstUpdated(): void {
    startRouter((url) => void this.show(url), isOfConsole);
  }

  protected override render() {
    return html`
      <a class="skip-link" href="#main">Skip to the page</a>
      <console-rail .areas=${this.areas()} .path=${this.path}></console-rail>
      <main id="main" tabindex="-1">${this.inside()}</main>
      <toast-line></toast-line>
    `;
  }

  private areas() {
    if (this.standing !== 'admin') return [];
    return this.hasLab ? [...areas, lab] : areas;
  }

  private inside(): TemplateResult | typeof nothing | null {
    if (this.standing === 'admin') return this.page;
    if (this.standing === 'unknown') return nothing;
    return authLayout(this.standing satisfies Refusal, this.path, () => void this.askWhoItIs());
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
