import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { askPasswordReset, AuthError, PASSWORD_MINIMUM, resetPassword } from '../auth';
import { doorway } from '../components/doorway';
import { field } from '../components/field';
import { FormErrors } from '../components/form-errors';
import { LightElement } from '../components/light-element';
import { navigate } from '../router';
import { setTitle } from '../title';
import { say } from '../toast';

/** Two steps: an address, then the code that was sent there and a new password. */
@customElement('forgotten-password-page')
export class ForgottenPasswordPage extends LightElement {
  @property() email = '';
  @property() next = '/';
  @state() private isAsked = false;
  @state() private trouble = '';
  @state() private isSending = false;
  private errors = new FormErrors(this);

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
    return doorway(title, lead, html`
      <form novalidate @submit=${this.send} @focusout=${this.errors.leave} @input=${this.errors.mend}>
        ${fields}
        <div role="alert">${this.trouble ? html`<p class="notice notice-bad">${this.trouble}</p>` : nothing}</div>
        <button class="button button-big button-wide" data-testid="reset-submit" aria-disabled=${this.isSending}>
          ${this.isSending ? 'One moment…' : action}
        </button>
      </form>
      <p>Remembered it? <a href=${this.signIn}>Sign in</a></p>
    `);
  }

  private get signIn(): string {
    return `/sign-in?email=${encodeURIComponent(this.email)}&next=${encodeURIComponent(this.next)}`;
  }

  private async send(event: Event): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    if (this.isSending || !this.errors.isFine(form)) return;
    const typed = new FormData(form);
    this.isSending = true;
    this.trouble = '';
    try {
      await (this.isAsked ? this.set(typed) : this.ask(typed));
    } catch (error) {
      this.trouble = (error as Error).message;
      if (error instanceof AuthError) this.errors.tell(error.fields);
    } finally {
      this.isSending = false;
    }
  }

  private async ask(typed: FormData): Promise<void> {
    this.email = String(typed.get('email')).trim();
    await askPasswordReset(this.email);
    this.isAsked = true;
  }

  private async set(typed: FormData): Promise<void> {
    await resetPassword(this.email, String(typed.get('code')).trim(), String(typed.get('new_password')));
    say('Your new password is set. Please sign in.');
    navigate(this.signIn);
  }
}
