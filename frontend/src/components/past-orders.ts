import { html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { claimOrders, type OrderSummary } from '../api';
import { formatDayAndTime } from '../dates';
import { formatMoney } from '../money';
import { complain, say } from '../toast';
import { LightElement } from './light-element';

/** So many the API lists at a time. */
const PAGE = 20;

/** Orders that were placed without an account and with its address. Only what is ticked is taken over. */
@customElement('past-orders')
export class PastOrders extends LightElement {
  @property({ attribute: false }) orders: OrderSummary[] = [];
  @state() private isBusy = false;

  protected override render() {
    return html`
      <form class="past-orders slip" aria-labelledby="past" @submit=${this.send}>
        <h2 id="past">Orders from before your account</h2>
        <p>These were placed as a guest with your address. Shall they move into your account? Links in their emails stop working then.</p>
        <ul>
          ${this.orders.map(
            ({ order_id, placed_at, lines, total }) => html`
              <li>
                <label class="check">
                  <input type="checkbox" name="order" value=${order_id} checked>
                  <span>
                    <strong dir="auto">${lines[0]?.name}</strong>${lines.length > 1 ? html` and ${lines.length - 1} more` : nothing}
                    <small>${formatDayAndTime(placed_at)} · ${formatMoney(total)}</small>
                  </span>
                </label>
              </li>
            `,
          )}
        </ul>
        ${this.orders.length < PAGE ? nothing : html`<p class="small-print">These are the newest ${PAGE}. If there are older ones, they follow once these are moved.</p>`}
        <button class="button" data-testid="claim-orders" aria-disabled=${this.isBusy}>${this.isBusy ? 'One moment…' : 'Move them over'}</button>
      </form>
    `;
  }

  private async send(event: Event): Promise<void> {
    event.preventDefault();
    const chosen = new FormData(event.target as HTMLFormElement).getAll('order').map(String);
    if (this.isBusy) return;
    if (!chosen.length) return say('Tick at least one order.');
    this.isBusy = true;
    try {
      await claimOrders(chosen);
      say('They are yours now.');
      this.dispatchEvent(new CustomEvent('claimed'));
    } catch (error) {
      complain(error);
    } finally {
      this.isBusy = false;
    }
  }
}
