import { html, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { askPasswordReset, PASSWORD_MINIMUM, resetPassword } from '../auth';
import { authLayout } from '../components/auth-layout';
import { field } from '../components/field';
import { FormPage, textOf } from '../components/form-page';
import { navigate } from '../router';
import { setTitle } from '../title';
import { say } from '../toast';

/** Two steps: an address, then the code that was sent there and a new password. */
@customElement('forgotten-password-page')
export class ForgottenPasswordPage extends FormPage {
  @property() email = '';
  @property() next = '/';
  @state() private isAsked = false;

  override connectedCallback(): void {
    super.connectedCallback();
    setTitle('A new password');
  }

  protected override render() {
    return this.isAsked
      ? this.step('Choose another', 'If there is an account with this email, a code is on its way.', 'Set new password', html`
          ${field({ name: 'code', label: 'Code', inputmode: 'numeric', autocomplete: 'one-time-code', maxlength: 32, value: '', error: this.errors.of('code'), testid: 'reset-code' })}
          ${field({ name: 'new_password', label: 'New password', type: 'password', autocomplete: 'new-password', minlength: PASSWORD_MINIMUM, hint: `At least ${PASSWORD_MINIMUM} characters. A short sentence is a good password.`, value: '', error: this.errors.of('new_password'), testid: 'reset-password' })}
        `)
      : this.step('It happens', 'Tell us your email, and we send a code with which you set a new password.', 'Send a code', html`
          ${field({ name: 'email', label: 'Email', type: 'email', autocomplete: 'username', value: this.email, error: this.errors.of('email'), testid: 'reset-email' })}
        `);
  }

  private step(title: string, lead: string, action: string, fields: TemplateResult) {
    return authLayout(title, lead, html`
      ${this.form(fields, { label: action, sending: 'One moment…', testid: 'reset-submit' })}
      <p>Remembered it? <a href=${this.signIn}>Sign in</a></p>
    `);
  }

  private get signIn(): string {
    return `/sign-in?email=${encodeURIComponent(this.email)}&next=${encodeURIComponent(this.next)}`;
  }

  protected override send(typed: FormData): Promise<void> {
    return this.isAsked ? this.set(typed) : this.ask(typed);
  }

  private async ask(typed: FormData): Promise<void> {
    this.email = textOf(typed, 'email');
    await askPasswordReset(this.email);
    this.isAsked = true;
  }

  private async set(typed: FormData): Promise<void> {
    await resetPassword(this.email, textOf(typed, 'code'), String(typed.get('new_password')));
    say('Your new password is set. Please sign in.');
    navigate(this.signIn);
  }
}
