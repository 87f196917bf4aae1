import { html } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { confirmSignUp, resendCode } from '../auth';
import { authLayout } from '../components/auth-layout';
import { field } from '../components/field';
import { FormPage, textOf } from '../components/form-page';
import { navigate } from '../router';
import { setTitle } from '../title';
import { say } from '../toast';

@customElement('confirm-page')
export class ConfirmPage extends FormPage {
  @property() email = '';
  @property() next = '/';
  private code = '';

  override connectedCallback(): void {
    super.connectedCallback();
    setTitle('Confirm your email');
  }

  protected override render() {
    return authLayout('One more thing', 'We sent a code to your email. It proves that the address is yours. If it belongs to an account already, no code comes: just sign in.', html`
      ${this.form(html`
        ${field({ name: 'email', label: 'Email', type: 'email', autocomplete: 'username', value: this.email, error: this.errors.of('email'), testid: 'confirm-email' })}
        ${field({ name: 'code', label: 'Code', inputmode: 'numeric', autocomplete: 'one-time-code', maxlength: 12, value: this.code, error: this.errors.of('code'), testid: 'confirm-code' })}
      `, { label: 'Confirm', sending: 'Checking…', testid: 'confirm-submit' })}
      <p>Nothing arrived? <button class="text-link" @click=${this.resend}>Send it again</button></p>
    `);
  }

  protected override async send(typed: FormData): Promise<void> {
    this.email = textOf(typed, 'email');
    this.code = textOf(typed, 'code');
    if (await confirmSignUp(this.email, this.code)) {
      say('Confirmed. You are signed in.');
      return navigate(this.next);
    }
    say('Confirmed. Please sign in.');
    navigate(`/sign-in?email=${encodeURIComponent(this.email)}&next=${encodeURIComponent(this.next)}`);
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
