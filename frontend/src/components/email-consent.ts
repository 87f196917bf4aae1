import { html } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { setReminders } from '../api';
import { complain, say } from '../toast';
import { LightElement } from './light-element';

/** Whether the shop may write about a cart that was left. Off until the customer turns it on. */
@customElement('email-consent')
export class EmailConsent extends LightElement {
  @property({ attribute: false }) isWanted = false;
  @state() private isBusy = false;

  protected override render() {
    return html`
      <h2>Emails</h2>
      <label class="check">
        <input type="checkbox" data-testid="cart-reminders" ?disabled=${this.isBusy} .checked=${this.isWanted} @change=${this.change}>
        <span>Remind me of what I left in my cart</span>
      </label>
      <p class="small-print">At most one email for each cart, and a link in it that stops them. Emails about your orders always come.</p>
    `;
  }

  private async change(event: Event): Promise<void> {
    const box = event.target as HTMLInputElement;
    this.isBusy = true;
    try {
      await setReminders(box.checked);
      this.isWanted = box.checked;
      say(box.checked ? 'We will remind you.' : 'No more reminders.');
    } catch (error) {
      box.checked = this.isWanted;
      complain(error);
    } finally {
      this.isBusy = false;
    }
  }
}
