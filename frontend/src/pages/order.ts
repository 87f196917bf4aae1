import { html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { cancelOrder, getOrder, Problem, returnOrder, type Order } from '../api';
import { addToCart, loadCart, quantityOf } from '../cart';
import { LightElement } from '../components/light-element';
import { hasEnded, HEADLINES, moneyStory, STATUS_NAMES, whyCancelled } from '../components/order-story';
import { orderSummary } from '../components/order-summary';
import { orderTimeline } from '../components/order-timeline';
import { emptyState, errorState, skeletonLines } from '../components/states';
import { follow } from '../follow';
import { navigate } from '../router';
import { setTitle } from '../title';
import { complain, say } from '../toast';

@customElement('order-page')
export class OrderPage extends LightElement {
  @property() orderId = '';
  @state() private order: Order | null = null;
  @state() private error: unknown = null;
  @state() private isBusy = false;
  private watching = new AbortController();

  override connectedCallback(): void {
    super.connectedCallback();
    setTitle('Your order');
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.watching.abort();
  }

  protected override willUpdate(changed: Map<string, unknown>): void {
    if (!changed.has('orderId')) return;
    this.order = null;
    void this.watchOrder(hasEnded);
  }

  protected override render() {
    if (this.order) return this.story(this.order);
    return html`<section class="section">${this.error ? this.failure(this.error) : skeletonLines(8)}</section>`;
  }

  /** Follows the order until it has settled; what we already know stays on screen when the line drops. */
  private async watchOrder(hasSettled: (order: Order) => boolean): Promise<void> {
    this.watching.abort();
    this.watching = new AbortController();
    const { signal } = this.watching;
    this.error = null;
    for await (const glimpse of follow(() => getOrder(this.orderId, signal), hasSettled, signal)) {
      if (signal.aborted) return;
      if ('value' in glimpse) this.order = glimpse.value;
      this.error = 'error' in glimpse ? glimpse.error : null;
      const isFinal = this.error instanceof Problem && !this.error.isUncertain;
      if (isFinal || (this.error && !this.order)) return;
    }
  }

  private story(order: Order) {
    const { status } = order;
    const mood = status === 'CANCELLED' ? 'bad' : hasEnded(order) ? 'good' : 'going';
    return html`
      <header class="order-head order-${mood}">
        <div class="order-head-inner">
          <p class="eyebrow">Order <span data-testid="order-id">${order.order_id}</span></p>
          <h1>${HEADLINES[status]}</h1>
          <p class="order-status" role="status" data-testid="order-status" data-status=${status}>
            <i aria-hidden="true"></i>${STATUS_NAMES[status]}
          </p>
          ${this.remark(order)}
        </div>
      </header>
      <section class="section with-aside">
        <div>
          ${this.error ? html`<p class="notice" role="status">We lost the line for a moment. Looking again…</p>` : nothing}
          <h2 class="visually-hidden">What happened</h2>
          ${orderTimeline(order)}
          ${this.actions(order)}
        </div>
        <aside class="slip" aria-label="What you ordered">
          <h2>Your order</h2>
          ${orderSummary(order)}
          ${this.parcel(order)}
        </aside>
      </section>
    `;
  }

  private remark(order: Order) {
    if (order.status === 'CANCELLED') return html`<p class="lead">${whyCancelled(order)} ${moneyStory(order)}</p>`;
    if (hasEnded(order)) return nothing;
    return html`<p class="lead">This page follows along by itself. A confirmation goes to ${order.email}.</p>`;
  }

  private parcel({ shipping_address: to, shipment }: Order) {
    return html`
      <div class="parcel">
        <h3>Goes to</h3>
        <address>
          ${to.name}<br>${to.line1}<br>${to.line2 && !to.line2.startsWith('sandbox:') ? html`${to.line2}<br>` : nothing}
          ${to.postal_code} ${to.city}, ${to.country}
        </address>
        ${shipment?.tracking_number
          ? html`<h3>Tracking</h3><p>${shipment.carrier} <span class="tracking">${shipment.tracking_number}</span></p>`
          : nothing}
      </div>
    `;
  }

  private actions(order: Order) {
    if (order.status === 'CANCELLED') {
      const isDeclined = order.reason === 'PAYMENT_DECLINED';
      return html`
        <p class="actions">
          <button class="button" ?disabled=${this.isBusy} @click=${() => this.packAgain(order, isDeclined)}>
            ${isDeclined ? 'Try another card' : 'Pack it again'}
          </button>
          <a class="button button-quiet" href="/">Back to the shop</a>
        </p>
      `;
    }
    return html`
      <p class="actions">
        <a class="button button-quiet" href="/">Back to the shop</a>
        ${order.actions?.includes('cancel') ? this.request('Cancel this order', () => cancelOrder(order.order_id), hasEnded) : nothing}
        ${order.actions?.includes('return')
          ? this.request('Send it back', () => returnOrder(order.order_id), ({ status }) => status === 'RETURNED')
          : nothing}
      </p>
    `;
  }

  private request(label: string, ask: () => Promise<unknown>, hasSettled: (order: Order) => boolean) {
    const send = async () => {
      this.isBusy = true;
      try {
        await ask();
        say('We have passed it on.');
      } catch (error) {
        complain(error);
      }
      this.isBusy = false;
      void this.watchOrder(hasSettled);
    };
    return html`<button class="text-link" ?disabled=${this.isBusy} @click=${send}>${label}</button>`;
  }

  /** Puts the lines back into the cart, so that the next attempt starts where this one ended. */
  private async packAgain(order: Order, isDeclined: boolean): Promise<void> {
    this.isBusy = true;
    await loadCart();
    for (const { sku, quantity } of order.lines) {
      const missing = quantity - quantityOf(sku);
      if (missing > 0) await addToCart(sku, missing);
    }
    this.isBusy = false;
    navigate(isDeclined ? '/checkout' : '/cart');
  }

  private failure(error: unknown) {
    const isHidden = error instanceof Problem && [401, 403, 404].includes(error.status);
    if (!isHidden) return errorState(error, () => this.watchOrder(hasEnded));
    return emptyState({
      art: 'paper',
      title: 'This page of the book is not for us',
      text: 'An order is shown to the account that placed it, or in the browser where it was placed.',
      action: html`
        <p class="actions">
          <a class="button" href="/sign-in?next=/orders/${this.orderId}">Sign in</a>
          <a class="button button-quiet" href="/orders">Your orders</a>
        </p>
      `,
    });
  }
}
