import { html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { confirmSignUp, resendCode } from '../auth';
import { doorway } from '../components/doorway';
import { field } from '../components/field';
import { FormErrors } from '../components/form-errors';
import { LightElement } from '../components/light-element';
import { navigate } from '../router';
import { setTitle } from '../title';
import { say } from '../toast';

@customElement('confirm-page')
export class ConfirmPage extends LightElement {
  @property() email = '';
  @property() next = '/';
  @state() private trouble = '';
  @state() private isSending = false;
  private code = '';
  private errors = new FormErrors(this);

  override connectedCallback(): void {
    super.connectedCallback();
    setTitle('Confirm your email');
  }

  protected override render() {
    return doorway('One more thing', 'We sent a code to your email. It proves that the address is yours. If it belongs to an account already, no code comes: just sign in.', html`
      <form novalidate @submit=${this.send} @focusout=${this.errors.leave} @input=${this.errors.mend}>
        ${field({ name: 'email', label: 'Email', type: 'email', autocomplete: 'username', value: this.email, error: this.errors.of('email'), testid: 'confirm-email' })}
        ${field({ name: 'code', label: 'Code', inputmode: 'numeric', autocomplete: 'one-time-code', maxlength: 12, value: this.code, error: this.errors.of('code'), testid: 'confirm-code' })}
        <div role="alert">${this.trouble ? html`<p class="notice notice-bad">${this.trouble}</p>` : nothing}</div>
        <button class="button button-big button-wide" data-testid="confirm-submit" aria-disabled=${this.isSending}>
          ${this.isSending ? 'Checking…' : 'Confirm'}
        </button>
      </form>
      <p>Nothing arrived? <button class="text-link" @click=${this.resend}>Send it again</button></p>
    `);
  }

  private async send(event: Event): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    if (this.isSending || !this.errors.isFine(form)) return;
    const data = new FormData(form);
    this.email = String(data.get('email')).trim();
    this.code = String(data.get('code')).trim();
    this.isSending = true;
    this.trouble = '';
    try {
      await confirmSignUp(this.email, this.code);
      say('Confirmed. Please sign in.');
      navigate(`/sign-in?email=${encodeURIComponent(this.email)}&next=${encodeURIComponent(this.next)}`);
    } catch (error) {
      this.trouble = (error as Error).message;
    } finally {
      this.isSending = false;
    }
  }

  private async resend(): Promise<void> {
    const typed = this.querySelector<HTMLInputElement>('input[name=email]')!.value.trim();
    this.email = typed;
    try {
      await resendCode(typed);
      say('A new code is on its way.');
    } catch (error) {
      this.trouble = (error as Error).message;
    }
  }
}
