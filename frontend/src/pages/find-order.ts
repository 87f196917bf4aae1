import { html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { findOrder, Problem } from '../api';
import { doorway } from '../components/doorway';
import { field } from '../components/field';
import { FormErrors } from '../components/form-errors';
import { LightElement } from '../components/light-element';
import { setTitle } from '../title';

/** A number and an address; a link comes by email. Whether there is such an order is not said. */
@customElement('find-order-page')
export class FindOrderPage extends LightElement {
  @property() order = '';
  @state() private isSent = false;
  @state() private trouble = '';
  @state() private isSending = false;
  private email = '';
  private errors = new FormErrors(this);

  override connectedCallback(): void {
    super.connectedCallback();
    setTitle('Find my order', { isUnlisted: true });
  }

  protected override render() {
    return this.isSent ? this.sent() : this.form();
  }

  private form() {
    return doorway('Find my order', 'Tell us its number and your email, and we send a link that opens it on any device.', html`
      <form novalidate @submit=${this.send} @focusout=${this.errors.leave} @input=${this.errors.mend}>
        ${field({ name: 'order_id', label: 'Order number', maxlength: 64, hint: 'It begins with ord_. You find it in the link of each of our emails about the order.', value: this.order, error: this.errors.of('order_id'), testid: 'find-number' })}
        ${field({ name: 'email', label: 'Email', type: 'email', autocomplete: 'email', value: this.email, error: this.errors.of('email'), testid: 'find-email' })}
        <div role="alert">${this.trouble ? html`<p class="notice notice-bad">${this.trouble}</p>` : nothing}</div>
        <button class="button button-big button-wide" data-testid="find-submit" aria-disabled=${this.isSending}>
          ${this.isSending ? 'One moment…' : 'Send me a link'}
        </button>
      </form>
      <p>Ordered with an account? <a href="/sign-in?next=/orders">Sign in</a></p>
    `);
  }

  private sent() {
    return doorway('Look into your mail', 'If this order was placed with this address, a link is on its way.', html`
      <p role="status" data-testid="find-sent">It opens the order for 30 days. Nothing there after a few minutes? Look among the unwanted mail, and see that the number and the address are right.</p>
      <p><button class="button button-quiet" @click=${() => (this.isSent = false)}>Try again</button></p>
    `);
  }

  private async send(event: Event): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    if (this.isSending || !this.errors.isFine(form)) return;
    const typed = new FormData(form);
    this.order = String(typed.get('order_id')).trim();
    this.email = String(typed.get('email')).trim();
    this.isSending = true;
    this.trouble = '';
    try {
      await findOrder(this.order, this.email);
      this.isSent = true;
    } catch (error) {
      this.trouble = (error as Error).message;
      if (error instanceof Problem) this.errors.tell(Object.fromEntries(error.errors.map(({ field: name, message }) => [name, message])));
    } finally {
      this.isSending = false;
    }
  }
}
