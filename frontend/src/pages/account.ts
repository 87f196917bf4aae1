import { Task } from '@lit/task';
import { html, nothing, type TemplateResult } from 'lit';
import { customElement } from 'lit/decorators.js';
import { getPoints, listClaimable, listOrders, wantsReminders, type OrderSummary } from '../api';
import { idToken, session, signOut } from '../auth';
import { LightElement } from '../components/light-element';
import '../components/email-consent';
import { orderRow } from '../components/order-row';
import '../components/past-orders';
import { emptyState, errorState, skeletonLines } from '../components/states';
import { navigate } from '../router';
import { Watch } from '../store';
import { setTitle } from '../title';
import { say } from '../toast';

const LATEST = 3;
const STAMPS = 10;
const POINTS_A_STAMP = 25;

interface Found {
  points: number;
  orders: OrderSummary[];
  past: OrderSummary[];
  reminders: boolean;
}

/** Who is signed in, what they earned, their latest orders, and the way out. */
@customElement('account-page')
export class AccountPage extends LightElement {
  private book = new Task(this, {
    args: () => [session.value?.email],
    task: async (_, { signal }) => {
      if (!(await idToken())) return null;
      const [points, orders, past, reminders] = await Promise.all([
        getPoints(signal),
        listOrders(null, signal),
        listClaimable(signal),
        wantsReminders(signal),
      ]);
      return { points, orders: orders.items, past: past.items, reminders };
    },
  });

  constructor() {
    super();
    new Watch(this, session);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    setTitle('Your account', { isUnlisted: true });
  }

  protected override render() {
    return html`
      <section class="section account-page">
        <h1>Your account</h1>
        ${this.book.render({
          pending: () => skeletonLines(6),
          error: (error) => errorState(error, () => this.book.run()),
          complete: (found) => (found && session.value ? this.opened(session.value.email, found) : stranger),
        })}
      </section>
    `;
  }

  private opened(email: string, { points, orders, past, reminders }: Found): TemplateResult {
    return html`
      <div class="account-head">
        <p class="lead">Signed in as <strong dir="auto" data-testid="account-email">${email}</strong></p>
        <p class="actions">
          <a class="button button-quiet" href="/account/settings" data-testid="settings">Settings</a>
          <button class="button button-quiet" data-testid="sign-out" @click=${leave}>Sign out</button>
        </p>
      </div>
      ${past.length ? html`<past-orders .orders=${past} @claimed=${() => this.book.run()}></past-orders>` : nothing}
      <div class="with-aside">
        <section aria-labelledby="latest">
          <h2 id="latest">Latest orders</h2>
          ${orders.length
            ? html`
                <ul class="orders">${orders.slice(0, LATEST).map(orderRow)}</ul>
                ${orders.length > LATEST ? html`<p class="account-all"><a class="text-link" href="/orders">All your orders</a></p>` : nothing}
              `
            : noOrders}
        </section>
        <aside class="slip" aria-labelledby="points">
          <h2 id="points">Your points</h2>
          <p class="points"><strong data-testid="points">${points}</strong> ${points === 1 ? 'point' : 'points'}</p>
          ${stamps(points)}
          <p class="small-print">One for each whole euro of an order, once it is on its way. What you send back takes its points along.</p>
          <email-consent .isWanted=${reminders}></email-consent>
        </aside>
      </div>
    `;
  }
}

/** A card of stamps, for the pleasure of it: each stands for so many points, and after a full card the next one begins. */
function stamps(points: number): TemplateResult {
  const all = Math.floor(points / POINTS_A_STAMP);
  const filled = all && all % STAMPS === 0 ? STAMPS : all % STAMPS;
  return html`
    <ul class="stamps" aria-hidden="true">
      ${Array.from({ length: STAMPS }, (_, index) => html`<li class=${index < filled ? 'is-stamped' : ''}></li>`)}
    </ul>
  `;
}

async function leave(): Promise<void> {
  await signOut();
  say('Signed out. Mind the step.');
  navigate('/');
}

const noOrders = emptyState({
  art: 'paper',
  title: 'A blank page',
  text: 'No orders yet. Good stories start with something useful in the bag.',
  action: html`<a class="button" href="/">Look around the shop</a>`,
});

const stranger = emptyState({
  art: 'light',
  title: 'Who goes there?',
  text: 'Sign in to see your points and your orders. You can buy without an account, too.',
  action: html`
    <p class="actions">
      <a class="button" href="/sign-in?next=/account">Sign in</a>
      <a class="button button-quiet" href="/orders">Orders of this browser</a>
    </p>
  `,
});
