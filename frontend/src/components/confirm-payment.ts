import { html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { confirmPayment, type NextAction, type Order } from '../api';
import { config } from '../config';
import { once } from '../once';
import { formatMoney } from '../money';
import { LightElement } from './light-element';

/** How long the bank's answer may take to reach the shop before the buyer is asked again. */
const PATIENCE_MS = 10_000;

const hourAndMinute = once(() => new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' }));

/** Asks the buyer to confirm the payment at their bank, says until when, and knows when they come back. */
@customElement('confirm-payment')
export class ConfirmPayment extends LightElement {
  @property({ attribute: false }) order!: Order;
  /** The buyer has answered the bank, and the shop is asking how. */
  @property({ attribute: false }) isBack = false;
  @state() private secondsLeft = 0;
  @state() private isBusy = false;
  @state() private trouble: string | null = null;
  private ticking?: number;

  override connectedCallback(): void {
    super.connectedCallback();
    this.tick();
    this.ticking = window.setInterval(() => this.tick(), 1_000);
    if (this.isBack) void this.askShop();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.ticking);
  }

  protected override render() {
    const action = this.order.payment?.next_action;
    if (this.isBack) return this.panel('Thank you', html`<p role="status">We are asking your bank how it went. This page follows along by itself.</p>`);
    if (!action) return this.panel('One moment', html`<p role="status">We are looking how the payment stands. This page follows along by itself.</p>`);
    if (this.secondsLeft === 0) {
      return this.panel('Time is up', html`<p role="status">The payment was not confirmed in time. We look once more, and then cancel the order.</p>`);
    }
    return this.panel('Confirm it at your bank', this.question(action));
  }

  private panel(title: string, content: unknown) {
    return html`<section class="panel" aria-labelledby="confirm-title" data-testid="confirm-panel"><h2 id="confirm-title" tabindex="-1">${title}</h2>${content}</section>`;
  }

  private question(action: NextAction) {
    const ends = new Date(action.expires_at);
    return html`
      <p id="confirm-meaning">
        Your bank asks you to confirm the payment of ${formatMoney(this.order.total)}. Please do so
        <strong>by <time datetime=${action.expires_at}>${hourAndMinute().format(ends)}</time></strong>
        <span class="confirm-left" role="timer" data-testid="confirm-left">(${timeOf(this.secondsLeft)} left)</span>.
        After that the order is cancelled, and you are not charged.
      </p>
      <div role="alert">${this.trouble ? html`<p class="notice notice-bad">${this.trouble}</p>` : nothing}</div>
      <p class="actions">
        <button
          class="button"
          aria-describedby="confirm-meaning"
          aria-disabled=${this.isBusy}
          data-testid="confirm-payment"
          @click=${() => this.isBusy || this.goToBank(action)}
        >
          ${this.isBusy ? 'Asking your bank…' : 'Confirm payment'}
        </button>
      </p>
    `;
  }

  private async goToBank({ redirect_url, client_secret }: NextAction): Promise<void> {
    this.isBusy = true;
    this.trouble = null;
    try {
      const { stripe_publishable_key: key } = await config();
      if (!key) return location.assign(redirect_url!);
      const { confirmAtBank } = await import('../stripe');
      await confirmAtBank(key, client_secret!);
    } catch (error) {
      this.trouble = (error as Error).message;
    } finally {
      this.isBusy = false;
    }
    await this.askShop();
  }

  /** The webhook reports it to the shop too; the first of both counts. */
  private async askShop(): Promise<void> {
    this.isBack = !this.trouble;
    await confirmPayment(this.order.order_id).catch(() => undefined);
    window.setTimeout(() => (this.isBack = false), PATIENCE_MS);
  }

  private tick(): void {
    const ends = Date.parse(this.order.payment?.next_action?.expires_at ?? '');
    this.secondsLeft = Math.max(0, Math.ceil((ends - Date.now()) / 1_000)) || 0;
  }
}

const timeOf = (seconds: number) => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
