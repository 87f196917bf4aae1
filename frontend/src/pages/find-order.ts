import { html } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { findOrder } from '../api';
import { authLayout } from '../components/auth-layout';
import { field } from '../components/field';
import { FormPage, textOf } from '../components/form-page';
import { setTitle } from '../title';

/** A number and an address; a link comes by email. The page does not reveal whether there is such an order. */
@customElement('find-order-page')
export class FindOrderPage extends FormPage {
  @property() order = '';
  @state() private isSent = false;
  private email = '';

  override connectedCallback(): void {
    super.connectedCallback();
    setTitle('Find my order', { isUnlisted: true });
  }

  protected override render() {
    return this.isSent ? this.sent() : this.question();
  }

  private question() {
    return authLayout('Find my order', 'Tell us its number and your email, and we send a link that opens it on any device.', html`
      ${this.form(html`
        ${field({ name: 'order_id', label: 'Order number', maxlength: 64, hint: 'As in 7K3M-9XQ2. You find it in each of our emails about the order.', value: this.order, error: this.errors.of('order_id'), testid: 'find-number' })}
        ${field({ name: 'email', label: 'Email', type: 'email', autocomplete: 'email', value: this.email, error: this.errors.of('email'), testid: 'find-email' })}
      `, { label: 'Send me a link', sending: 'One moment…', testid: 'find-submit' })}
      <p>Ordered with an account? <a href="/sign-in?next=/orders">Sign in</a></p>
    `);
  }

  private sent() {
    return authLayout('Look into your mail', 'If this order was placed with this address, a link is on its way.', html`
      <p role="status" data-testid="find-sent">It opens the order for 30 days. Nothing there after a few minutes? Look among the unwanted mail, and see that the number and the address are right.</p>
      <p><button class="button button-quiet" @click=${() => (this.isSent = false)}>Try again</button></p>
    `);
  }

  protected override async send(typed: FormData): Promise<void> {
    this.order = textOf(typed, 'order_id');
    this.email = textOf(typed, 'email');
    await findOrder(this.order, this.email);
    this.isSent = true;
  }
}
