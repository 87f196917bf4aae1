import { html } from 'lit';
import { customElement } from 'lit/decorators.js';
import { changePassword } from '../account-api';
import { PASSWORD_MINIMUM } from '../auth';
import { say } from '../toast';
import { field } from './field';
import { FormPage } from './form-page';

@customElement('password-change')
export class PasswordChange extends FormPage {
  protected override render() {
    return html`
      <h2 id="password">Password</h2>
      ${this.form(html`
        ${field({ name: 'current_password', label: 'Current password', type: 'password', autocomplete: 'current-password', value: '', error: this.errors.of('current_password'), testid: 'current-password' })}
        ${field({ name: 'new_password', label: 'New password', type: 'password', autocomplete: 'new-password', minlength: PASSWORD_MINIMUM, hint: `At least ${PASSWORD_MINIMUM} characters. Your other devices have to sign in again.`, value: '', error: this.errors.of('new_password'), testid: 'new-password' })}
      `, { label: 'Change the password', sending: 'Changing…', testid: 'change-password' })}
    `;
  }

  protected override async send(typed: FormData): Promise<void> {
    await changePassword(String(typed.get('current_password')), String(typed.get('new_password')));
    this.querySelector('form')!.reset();
    say('Your password is changed.');
  }

  /** That the current one is wrong is an error of its field. */
  protected override explain(error: unknown): void {
    super.explain(error);
    if ((error as { code?: string }).code !== 'password_wrong') return;
    this.trouble = '';
    this.errors.show({ current_password: 'That is not your password.' });
  }
}
