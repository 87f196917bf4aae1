import { html, nothing } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import { Problem, unsubscribe } from '../api';
import { doorway } from '../components/doorway';
import { LightElement } from '../components/light-element';
import { setTitle } from '../title';

/** One button, no sign-in. A page that is only opened changes nothing: mail programs open links by themselves. */
@customElement('unsubscribe-page')
export class UnsubscribePage extends LightElement {
  @state() private isDone = false;
  @state() private trouble = '';
  @state() private isSending = false;
  private token = new URLSearchParams(location.hash.slice(1)).get('link') ?? '';

  override connectedCallback(): void {
    super.connectedCallback();
    setTitle('Cart reminders', { isUnlisted: true });
    if (this.token) history.replaceState(history.state, '', location.pathname);
  }

  protected override render() {
    if (this.isDone) {
      return doorway('You will hear no more of your cart', 'No reminder is sent from now on.', html`
        <p role="status" data-testid="unsubscribed">Emails about your orders still come. You can have reminders back in <a href="/account">your account</a>.</p>
      `);
    }
    return doorway('No more cart reminders?', 'We wrote because something was left in your cart. One click, and we never do that again.', html`
      <div role="alert">${this.trouble ? html`<p class="notice notice-bad">${this.trouble}</p>` : nothing}</div>
      <button class="button button-big button-wide" data-testid="unsubscribe" aria-disabled=${this.isSending} @click=${this.send}>
        ${this.isSending ? 'One moment…' : 'Stop the reminders'}
      </button>
      <p>You can also change this in <a href="/account">your account</a>.</p>
    `);
  }

  private async send(): Promise<void> {
    if (this.isSending) return;
    this.isSending = true;
    this.trouble = '';
    try {
      await unsubscribe(this.token);
      this.isDone = true;
    } catch (error) {
      const isOver = error instanceof Problem && error.status === 401;
      this.trouble = isOver ? 'This link does not work any more. Please use the one in our newest email, or your account.' : (error as Error).message;
    } finally {
      this.isSending = false;
    }
  }
}
