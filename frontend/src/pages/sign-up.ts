import { html } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { PASSWORD_MINIMUM, signUp } from '../auth';
import { authLayout } from '../components/auth-layout';
import { field } from '../components/field';
import { FormPage, textOf } from '../components/form-page';
import { navigate } from '../router';
import { setTitle } from '../title';

@customElement('sign-up-page')
export class SignUpPage extends FormPage {
  @property() next = '/';
  private typed = { email: '', password: '' };

  override connectedCallback(): void {
    super.connectedCallback();
    setTitle('Open an account');
  }

  protected override render() {
    const lead = 'An email and a password. We keep your cart and your orders, and nothing else about you.';
    return authLayout('Open an account', lead, html`
      ${this.form(html`
        ${field({ name: 'email', label: 'Email', type: 'email', autocomplete: 'username', value: this.typed.email, error: this.errors.of('email'), testid: 'sign-up-email' })}
        ${field({ name: 'password', label: 'Password', type: 'password', autocomplete: 'new-password', minlength: PASSWORD_MINIMUM, hint: `At least ${PASSWORD_MINIMUM} characters. A short sentence is a good password.`, value: this.typed.password, error: this.errors.of('password'), testid: 'sign-up-password' })}
      `, { label: 'Open account', sending: 'Writing you down…', testid: 'sign-up-submit' })}
      <p>Been here before? <a href="/sign-in?next=${encodeURIComponent(this.next)}">Sign in</a></p>
    `);
  }

  protected override async send(typed: FormData): Promise<void> {
    this.typed = { email: textOf(typed, 'email'), password: String(typed.get('password')) };
    await signUp(this.typed.email, this.typed.password);
    navigate(`/confirm?email=${encodeURIComponent(this.typed.email)}&next=${encodeURIComponent(this.next)}`);
  }
}
