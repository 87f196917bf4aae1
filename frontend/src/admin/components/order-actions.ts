import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { Order } from '../../api';
import { LightElement } from '../../components/light-element';
import { formatMoney } from '../../money';
import { complain, say } from '../../toast';
import { addNote, cancelAsAdmin, listEmails, refundOrder, sendEmailAgain, type OrderEmail } from '../api';
import { Attempt } from '../attempt';
import { dayTimeText } from './format';

/** What an operator can do with an order. Fires `order-acted` once the API has accepted an action. */
@customElement('order-actions')
export class OrderActions extends LightElement {
  @property({ attribute: false }) order!: Order;
  @state() private isBusy = false;
  @state() private emails: OrderEmail[] | null = null;
  private attempt = new Attempt();

  protected override render(): TemplateResult {
    const { actions } = this.order;
    return html`
      <section class="panel order-actions" aria-label="Actions" data-testid="order-actions">
        ${actions.includes('cancel') ? this.cancellation() : nothing}
        ${actions.includes('return') ? this.refund() : nothing}
        ${this.emailing()}
        ${this.note()}
      </section>
    `;
  }

  private cancellation(): TemplateResult {
    return html`
      <details>
        <summary>Cancel</summary>
        <form class="filters" @submit=${this.cancel} aria-label="Cancel the order">
          <label class="filter">Who wants it
            <select name="cause">
              <option value="CUSTOMER_REQUEST">The buyer asked for it</option>
              <option value="SHOP_REQUEST">The shop decided it</option>
            </select>
          </label>
          ${reason()}
          ${this.button('Cancel the order', 'cancel-order')}
        </form>
      </details>
    `;
  }

  private refund(): TemplateResult {
    return html`
      <details>
        <summary>Refund</summary>
        <form class="filters" @submit=${this.giveBack} aria-label="Refund the order">
          ${this.order.lines.filter((line) => left(line) > 0).map(
            (line) => html`
              <label class="filter"><span><span dir="auto">${line.name}</span>, of ${left(line)}</span>
                <input name="units" data-sku=${line.sku} type="number" min="0" max=${left(line)} step="1" value=${left(line)} required>
              </label>
            `,
          )}
          ${reason()}
          ${this.button('Refund', 'refund-order')}
        </form>
        <p class="small-print">The units count as returned and go back into stock. Adjust the stock if they do not come back.</p>
      </details>
    `;
  }

  private emailing(): TemplateResult {
    return html`
      <details @toggle=${this.lookUpEmails}>
        <summary>Send an email again</summary>
        ${this.emails?.length
          ? html`
              <form class="filters" @submit=${this.sendAgain} aria-label="Send an email again">
                <label class="filter">Which one, to ${this.order.email}
                  <select name="email">${this.emails.map((email, index) => html`<option value=${index}>${nameOf(email)}</option>`)}</select>
                </label>
                ${reason()}
                ${this.button('Send again', 'send-email')}
              </form>
            `
          : html`<p class="small-print" role="status">${this.emails ? 'There has been no reason to send an email yet.' : 'Loading…'}</p>`}
      </details>
    `;
  }

  private note(): TemplateResult {
    return html`
      <details>
        <summary>Add a note</summary>
        <form class="filters" @submit=${this.write} aria-label="Add a note">
          <label class="filter filter-wide">Note, for operators only
            <input name="text" maxlength="2000" autocomplete="off" required>
          </label>
          ${this.button('Add', 'add-note')}
        </form>
      </details>
    `;
  }

  private button(label: string, testid: string): TemplateResult {
    return html`<button class="button button-quiet" ?disabled=${this.isBusy} data-testid=${testid}>${label}</button>`;
  }

  private cancel(event: SubmitEvent): void {
    const fields = filled(event);
    const body = { cause: fields.get('cause') as 'CUSTOMER_REQUEST' | 'SHOP_REQUEST', why: String(fields.get('why')) };
    void this.act(event, ['cancel', body], async (key) => {
      await cancelAsAdmin(this.order.order_id, body, key);
      return 'The cancellation is under way.';
    });
  }

  private giveBack(event: SubmitEvent): void {
    const fields = filled(event);
    const inputs = [...(event.target as HTMLFormElement).querySelectorAll<HTMLInputElement>('[name=units]')];
    const lines = inputs.map(({ dataset, valueAsNumber }) => ({ sku: dataset.sku!, quantity: valueAsNumber })).filter(({ quantity }) => quantity > 0);
    if (!lines.length) return say('Choose at least one unit.', 'bad');
    const body = { lines, why: String(fields.get('why')) };
    void this.act(event, ['refund', body], async (key) => {
      const { refund } = await refundOrder(this.order.order_id, body, key);
      return `${formatMoney(refund)} will be refunded.`;
    });
  }

  private async lookUpEmails(event: Event): Promise<void> {
    if (!(event.target as HTMLDetailsElement).open) return;
    try {
      this.emails = await listEmails(this.order.order_id);
    } catch (error) {
      complain(error);
    }
  }

  private sendAgain(event: SubmitEvent): void {
    const fields = filled(event);
    const { occasion, return_id } = this.emails![Number(fields.get('email'))];
    const body = { occasion, return_id, why: String(fields.get('why')) };
    void this.act(event, ['email', body], async (key) => {
      await sendEmailAgain(this.order.order_id, body, key);
      return 'The email is on its way.';
    });
  }

  private write(event: SubmitEvent): void {
    const body = { text: String(filled(event).get('text')) };
    void this.act(event, ['note', body], async (key) => {
      await addNote(this.order.order_id, body, key);
      return 'Note added.';
    });
  }

  private async act(event: SubmitEvent, wish: unknown, call: (key: string) => Promise<string>): Promise<void> {
    const form = event.target as HTMLFormElement;
    if (this.isBusy) return;
    this.isBusy = true;
    try {
      say(await this.attempt.run([this.order.order_id, wish], call));
      form.reset();
      form.closest('details')!.open = false;
      this.dispatchEvent(new CustomEvent('order-acted'));
    } catch (error) {
      complain(error);
    } finally {
      this.isBusy = false;
    }
  }
}

function filled(event: SubmitEvent): FormData {
  event.preventDefault();
  return new FormData(event.target as HTMLFormElement);
}

const EMAILS: Record<OrderEmail['occasion'], string> = {
  payment_waits: 'Please confirm your payment',
  confirmed: 'We have your order',
  completed: 'Your order is on its way',
  cancelled: 'Your order was cancelled',
  return_requested: 'We have your return',
  refunded: 'Your money is on its way back',
  link: 'The link to your order',
};

/** An email's subject, and when it was sent. */
const nameOf = ({ occasion, sent_at }: OrderEmail) => `${EMAILS[occasion]} (${sent_at ? `sent ${dayTimeText(sent_at)}` : 'not sent yet'})`;

const left = ({ quantity, returned }: Order['lines'][number]) => quantity - returned;

const reason = (): TemplateResult => html`
  <label class="filter filter-wide">Why, for operators only
    <input name="why" maxlength="200" autocomplete="off" required>
  </label>
`;
