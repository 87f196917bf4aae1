import { html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { adoptLink, cancelOrder, getOrder, Problem, type Order, type ReturnLine } from '../api';
import { isBackFromBank } from '../bank-return';
import { addToCart, loadCart, quantityOf } from '../cart';
import { cancelPanel } from '../components/cancel-panel';
import { LightElement } from '../components/light-element';
import '../components/order-documents';
import { orderParcel } from '../components/order-parcel';
import { orderReturns } from '../components/order-returns';
import {
  hasEnded,
  headline,
  isStopping,
  mood,
  refundsUnderway,
  remark,
  statusName,
} from '../components/order-story';
import { orderSummary } from '../components/order-summary';
import { orderTimeline } from '../components/order-timeline';
import { orderVoyage } from '../components/order-voyage';
import '../components/confirm-payment';
import '../components/return-form';
import { emptyState, errorState, skeletonLines } from '../components/states';
import { follow } from '../follow';
import { LiveOrder } from '../live-order';
import { formatMoney } from '../money';
import { sendBack, withReturn } from '../return-attempt';
import { navigate } from '../router';
import { setTitle } from '../title';
import { say } from '../toast';

const TOO_LATE =
  'It was too late to stop this one: the warehouse had already sent it. Once it is with you, send back whatever you do not want to keep.';
const DISPUTED = 'Your bank is looking into this payment. Until it has decided, we cannot refund anything.';
const NO_ANSWER = 'We did not hear back. Asking again is safe: nothing happens twice.';

/** What to say when the shop refuses to cancel or to take something back. */
const REFUSALS: Record<string, string> = {
  too_late_to_cancel: TOO_LATE,
  order_not_returnable: 'This order cannot be sent back at the moment.',
  nothing_to_return: 'All of it has been sent back already.',
  return_exceeds_order: 'Some of it has been sent back already, perhaps in another window. Please choose once more.',
  payment_disputed: DISPUTED,
};

const HIDDEN = {
  title: 'This page of the book is not for us',
  text: 'An order is shown to the account that placed it, in the browser where it was placed, and by the link in its emails.',
  mayFind: true,
};

/** What to say when the link of an email opens the order no more, by the problem's code. */
const LINKS: Record<string, typeof HIDDEN> = {
  link_expired: {
    title: 'This link has run out',
    text: 'A link in an email works for 30 days. We can send you a new one.',
    mayFind: true,
  },
  link_invalid: {
    title: 'This link opens nothing any more',
    text: 'It may be incomplete, or too old. We can send you a new one.',
    mayFind: true,
  },
  link_revoked: {
    title: 'This order has moved into an account',
    text: 'It was taken over by the account with its address. Sign in to see it.',
    mayFind: false,
  },
};

@customElement('order-page')
export class OrderPage extends LightElement {
  @property() orderId = '';
  @state() private order: Order | null = null;
  @state() private error: unknown = null;
  @state() private isBusy = false;
  /** Whether the shop pushes changes by itself. */
  @state() private isLive = false;
  /** What the buyer is being asked. */
  @state() private panel: 'cancel' | 'return' | null = null;
  /** Why the last request failed: beside its panel, or alone when that is gone. */
  @state() private trouble: string | null = null;
  private hasAskedToCancel = false;
  private isBack = false;
  private watching = new AbortController();

  override connectedCallback(): void {
    super.connectedCallback();
    setTitle('Your order', { isUnlisted: true });
    this.isBack = isBackFromBank();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.watching.abort();
  }

  protected override willUpdate(changed: Map<string, unknown>): void {
    if (!changed.has('orderId')) return;
    this.order = null;
    this.panel = null;
    this.trouble = null;
    this.hasAskedToCancel = false;
    adoptLink(this.orderId);
    void this.watchOrder();
  }

  protected override render() {
    if (this.order) return this.story(this.order);
    return html`<section class="section">${this.error ? this.failure(this.error) : waiting}</section>`;
  }

  /** Follows the order until it has settled; what we already know stays on screen when the line drops. */
  private async watchOrder(hasSettled = isSettled): Promise<void> {
    this.watching.abort();
    this.watching = new AbortController();
    const { signal } = this.watching;
    this.error = null;
    this.isLive = false;
    const live = new LiveOrder(this.orderId);
    live.addEventListener('update', () => (this.isLive = live.isLive), { signal });
    for await (const snapshot of follow(() => getOrder(this.orderId, signal), hasSettled, signal, live)) {
      if (signal.aborted) return;
      if ('value' in snapshot) this.show(snapshot.value);
      this.error = 'error' in snapshot ? snapshot.error : null;
      const isFinal = this.error instanceof Problem && !this.error.isUncertain;
      if (isFinal || (this.error && !this.order)) return;
    }
  }

  /** Takes in what the order is now, and puts away a question that no longer stands. */
  private show(order: Order): void {
    const isReturnNew = (order.returns.length) > (this.order?.returns?.length ?? 0);
    this.order = order;
    if (isStopping(order)) this.hasAskedToCancel = true;
    const wasAsking = this.panel === 'cancel' && !this.isBusy;
    const hasSlippedAway = wasAsking && !order.actions.includes('cancel') && !isStopping(order);
    if (wasAsking && !order.actions.includes('cancel')) this.close();
    if (this.panel === 'return' && !this.isBusy && (isReturnNew || !order.actions.includes('return'))) this.close();
    const isSent = order.status === 'COMPLETED' || order.status === 'SHIPPING';
    if (isSent && (hasSlippedAway || (this.hasAskedToCancel && hasEnded(order)))) {
      this.hasAskedToCancel = false;
      this.trouble = TOO_LATE;
    }
  }

  private story(order: Order) {
    return html`
      <header class="order-head order-${mood(order)}">
        <div class="order-head-inner">
          <p class="eyebrow">Order <span data-testid="order-number">${order.number}</span></p>
          <h1 tabindex="-1">${headline(order)}</h1>
          <p class="order-status" role="status" data-testid="order-status" data-status=${order.status} data-live=${this.isLive}>
            <i aria-hidden="true"></i>${statusName(order)}
          </p>
          ${remark(order) ? html`<p class="lead" dir="auto">${remark(order)}</p>` : nothing}
        </div>
        ${orderVoyage(order)}
      </header>
      <section class="section with-aside">
        <div>
          ${this.error ? html`<p class="notice" role="status">We lost the line for a moment. Looking again…</p>` : nothing}
          ${order.status === 'ACTION_REQUIRED' && !isStopping(order)
            ? html`<confirm-payment .order=${order} .isBack=${this.isBack}></confirm-payment>`
            : nothing}
          <h2 class="visually-hidden">What happened</h2>
          ${orderTimeline(order)}
          ${order.payment?.disputed ? html`<p class="notice order-note">${DISPUTED}</p>` : nothing}
          ${order.returns?.length ? orderReturns(order, order.returns) : nothing}
          ${this.question(order)}
        </div>
        <aside class="slip" aria-label="What you ordered">
          <h2>Your order</h2>
          ${orderSummary(order)}
          ${orderParcel(order)}
          <order-documents .order=${order}></order-documents>
        </aside>
      </section>
    `;
  }

  /** What the buyer is being asked, or else what they may ask for. */
  private question(order: Order) {
    const { isBusy, trouble } = this;
    if (this.panel === 'cancel') {
      return cancelPanel(order, { isBusy, trouble, cancel: () => this.cancel(order), keep: () => this.close() });
    }
    if (this.panel === 'return') {
      return html`
        <return-form
          .order=${order}
          .isBusy=${isBusy}
          .trouble=${trouble}
          @send=${(event: CustomEvent<ReturnLine[]>) => this.sendBack(order, event.detail)}
          @leave=${() => this.close()}
        ></return-form>
      `;
    }
    return html`
      <div role="status">
        ${trouble ? html`<p class="notice order-note" tabindex="-1" data-testid="order-note">${trouble}</p>` : nothing}
      </div>
      ${this.actions(order)}
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
    const mayAsk = (action: 'cancel' | 'return') => order.actions.includes(action) && !isStopping(order);
    return html`
      <p class="actions">
        <a class="button button-quiet" href="/">Back to the shop</a>
        ${mayAsk('return')
          ? html`<button class="text-link" data-testid="open-return" @click=${() => this.open('return')}>Send it back</button>`
          : nothing}
        ${mayAsk('cancel')
          ? html`<button class="text-link" data-testid="open-cancel" @click=${() => this.open('cancel')}>Cancel this order</button>`
          : nothing}
      </p>
    `;
  }

  private async open(panel: 'cancel' | 'return'): Promise<void> {
    this.panel = panel;
    this.trouble = null;
    await this.focusOn('.panel h2');
    this.querySelector('.panel')?.scrollIntoView({ block: 'nearest' });
  }

  /** Puts the question away and leaves the focus where it was asked, or where it was answered. */
  private close(next = `[data-testid="open-${this.panel}"]`): void {
    const hadFocus = this.querySelector('.panel')?.contains(document.activeElement);
    this.panel = null;
    this.trouble = null;
    if (hadFocus) void this.focusOn(next);
  }

  private async focusOn(selector: string): Promise<void> {
    await this.updateComplete;
    await this.querySelector<LightElement>('return-form')?.updateComplete;
    const target = this.querySelector<HTMLElement>(selector) ?? this.querySelector<HTMLElement>('.order-note, h1');
    target?.focus();
  }

  private async cancel(order: Order): Promise<void> {
    const isAnswered = await this.ask(() => cancelOrder(order.order_id));
    if (!isAnswered) return void this.watchOrder();
    this.order = { ...this.order!, cancel_requested: true, actions: [] };
    this.hasAskedToCancel = true;
    this.close('h1');
    void this.watchOrder();
  }

  private async sendBack(order: Order, lines: ReturnLine[]): Promise<void> {
    const receipt = await this.ask(() => sendBack(order, lines));
    if (!receipt) return void this.watchOrder();
    this.order = withReturn(this.order!, lines, receipt);
    this.close('#returns');
    const money = receipt.refund.amount ? ` ${formatMoney(receipt.refund)} goes back to your card.` : '';
    say(`We expect it back.${money}`);
    const isListed = ({ returns }: Order) => returns?.some(({ id }) => id === receipt.return_id) ?? false;
    void this.watchOrder((latest) => isListed(latest) && isSettled(latest));
  }

  /** Asks the shop for something; a refusal is shown in its place. */
  private async ask<T>(request: () => Promise<T>): Promise<T | null> {
    this.isBusy = true;
    this.trouble = null;
    try {
      return await request();
    } catch (error) {
      this.refuse(error);
      return null;
    } finally {
      this.isBusy = false;
    }
  }

  private refuse(error: unknown): void {
    const isUncertain = !(error instanceof Problem) || error.isUncertain;
    const text = isUncertain ? NO_ANSWER : (REFUSALS[error.code] ?? error.message);
    const isOver = !isUncertain && (this.panel === 'cancel' || ['order_not_returnable', 'nothing_to_return'].includes(error.code));
    if (isOver) this.close('.order-note');
    this.trouble = text;
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
    if (!isHidden) return errorState(error, () => this.watchOrder(), true);
    const { title, text, mayFind } = LINKS[(error as Problem).code] ?? HIDDEN;
    const find = html`<a class="button" data-testid="find-order" href="/find-order?order=${this.orderId}">Send me a new link</a>`;
    return emptyState({
      isWholePage: true,
      art: 'paper',
      title,
      text,
      action: html`
        <p class="actions">
          ${mayFind ? find : nothing}
          <a class="button ${mayFind ? 'button-quiet' : ''}" href="/sign-in?next=/orders/${this.orderId}">Sign in</a>
          <a class="button button-quiet" href="/orders">Your orders</a>
        </p>
      `,
    });
  }
}

const waiting = html`
  <h1 class="visually-hidden">Your order</h1>
  <p class="visually-hidden" role="status">Looking it up in the book…</p>
  ${skeletonLines(8)}
`;

/** Nothing more will happen to the order by itself. */
const isSettled = (order: Order) => hasEnded(order) && refundsUnderway(order).length === 0;
