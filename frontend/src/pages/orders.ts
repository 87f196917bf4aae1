import { Task } from '@lit/task';
import { html, nothing, type TemplateResult } from 'lit';
import { customElement } from 'lit/decorators.js';
import { getOrder, guestOrderIds, listOrders, Problem, type OrderSummary } from '../api';
import { idToken, session } from '../auth';
import { LightElement } from '../components/light-element';
import { orderRow } from '../components/order-row';
import { emptyState, errorState, skeletonLines } from '../components/states';
import type { List } from '../api-types';
import { GrowingList } from '../pager';
import { Watch } from '../store';
import { setTitle } from '../title';
import { complain } from '../toast';

const GUEST_ORDERS = 20;

@customElement('orders-page')
export class OrdersPage extends LightElement {
  private orders = new GrowingList<OrderSummary>(() => this.requestUpdate());

  private load: (cursor: string | null, signal?: AbortSignal) => Promise<List<OrderSummary>> = listOrders;

  private first = new Task(this, {
    args: () => [session.value?.email],
    task: async (_, { signal }) => {
      const isCustomer = (await idToken()) !== null;
      this.load = isCustomer ? listOrders : guestOrders;
      this.orders.start(await this.load(null, signal));
    },
  });

  constructor() {
    super();
    new Watch(this, session);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    setTitle('Your orders', { isUnlisted: true });
  }

  protected override render() {
    return html`
      <section class="section orders-page">
        <h1>Your orders</h1>
        ${session.value
          ? nothing
          : html`<p class="lead">Placed in this browser. <a href="/sign-in?next=/orders">Sign in</a> to see those of your account.</p>`}
        ${this.first.render({
          pending: () => skeletonLines(6),
          error: (error) => errorState(error, () => this.first.run()),
          complete: () => (this.orders.items.length ? this.list() : empty),
        })}
      </section>
    `;
  }

  private list(): TemplateResult {
    return html`
      <ul class="orders">${this.orders.items.map(orderRow)}</ul>
      ${this.orders.hasMore ? html`<button class="button button-quiet more" ?disabled=${this.orders.isLoading} @click=${this.loadMore}>Show older</button>` : nothing}
    `;
  }

  private loadMore(): Promise<void> {
    return this.orders.more((cursor) => this.load(cursor)).catch(complain);
  }
}

/** Returns a page of the guest's orders; the cursor counts those before it. Each has its own token; those that no longer
 * exist are left out. */
async function guestOrders(cursor: string | null, signal?: AbortSignal): Promise<List<OrderSummary>> {
  const end = Number(cursor ?? 0) + GUEST_ORDERS;
  const ids = guestOrderIds().slice(end - GUEST_ORDERS, end);
  const found = await Promise.allSettled(ids.map((id) => getOrder(id, signal)));
  const lost = found.flatMap((result) => (result.status === 'rejected' ? [result.reason] : [])).find(isUncertain);
  if (lost) throw lost;
  const items = found.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  return { items, next_cursor: guestOrderIds().length > end ? String(end) : null };
}

const isUncertain = (error: unknown) => error instanceof Problem && error.isUncertain;

const empty = emptyState({
  art: 'paper',
  title: 'A blank page',
  text: 'No orders yet. Good stories start with something useful in the bag.',
  action: html`<a class="button" href="/">Look around the shop</a>`,
});
