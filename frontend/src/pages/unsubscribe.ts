import { html } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import { Problem, unsubscribe } from '../api';
import { authLayout } from '../components/auth-layout';
import { FormPage } from '../components/form-page';
import { setTitle } from '../title';

/** One button, no sign-in. A page that is only opened changes nothing: mail programs open links by themselves. */
@customElement('unsubscribe-page')
export class UnsubscribePage extends FormPage {
  @state() private isDone = false;
  private token = new URLSearchParams(location.hash.slice(1)).get('link') ?? '';

  override connectedCallback(): void {
    super.connectedCallback();
    setTitle('Cart reminders', { isUnlisted: true });
    if (this.token) history.replaceState(history.state, '', location.pathname);
  }

  protected override render() {
    if (this.isDone) {
      return authLayout('You will hear no more of your cart', 'No reminder is sent from now on.', html`
        <p role="status" data-testid="unsubscribed">Emails about your orders still come. You can have reminders back in <a href="/account">your account</a>.</p>
      `);
    }
    return authLayout('No more cart reminders?', 'We wrote because something was left in your cart. One click, and we never do that again.', html`
      ${this.alert()}
      <button class="button button-big button-wide" data-testid="unsubscribe" aria-disabled=${this.isSending} @click=${this.stop}>
        ${this.isSending ? 'One moment…' : 'Stop the reminders'}
      </button>
      <p>You can also change this in <a href="/account">your account</a>.</p>
    `);
  }

  private stop(): Promise<void> {
    return this.attempt(() => this.send());
  }

  protected override async send(): Promise<void> {
    await unsubscribe(this.token);
    this.isDone = true;
  }

  protected override explain(error: unknown): void {
    super.explain(error);
    const isOver = error instanceof Problem && error.status === 401;
    if (isOver) this.trouble = 'This link does not work any more. Please use the one in our newest email, or your account.';
  }
}
