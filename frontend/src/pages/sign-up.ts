import { html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { AuthError, PASSWORD_MINIMUM, signUp } from '../auth';
import { doorway } from '../components/doorway';
import { field } from '../components/field';
import { FormErrors } from '../components/form-errors';
import { LightElement } from '../components/light-element';
import { navigate } from '../router';
import { setTitle } from '../title';

@customElement('sign-up-page')
export class SignUpPage extends LightElement {
  @property() next = '/';
  @state() private trouble = '';
  @state() private isSending = false;
  private typed = { email: '', password: '' };
  private errors = new FormErrors(this);

  override connectedCallback(): void {
    super.connectedCallback();
    setTitle('Open an account');
  }

  protected override render() {
    const lead = 'An email and a password. We keep your cart and your orders, and nothing else about you.';
    return doorway('Open an account', lead, html`
      <form novalidate @submit=${this.send} @focusout=${this.errors.leave} @input=${this.errors.mend}>
        ${field({ name: 'email', label: 'Email', type: 'email', autocomplete: 'username', value: this.typed.email, error: this.errors.of('email'), testid: 'sign-up-email' })}
        ${field({ name: 'password', label: 'Password', type: 'password', autocomplete: 'new-password', minlength: PASSWORD_MINIMUM, hint: `At least ${PASSWORD_MINIMUM} characters. A short sentence is a good password.`, value: this.typed.password, error: this.errors.of('password'), testid: 'sign-up-password' })}
        <div role="alert">${this.trouble ? html`<p class="notice notice-bad">${this.trouble}</p>` : nothing}</div>
        <button class="button button-big button-wide" data-testid="sign-up-submit" aria-disabled=${this.isSending}>
          ${this.isSending ? 'Writing you down…' : 'Open account'}
        </button>
      </form>
      <p>Been here before? <a href="/sign-in?next=${encodeURIComponent(this.next)}">Sign in</a></p>
    `);
  }

  private async send(event: Event): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    if (this.isSending || !this.errors.isFine(form)) return;
    const data = new FormData(form);
    this.typed = { email: String(data.get('email')).trim(), password: String(data.get('password')) };
    this.isSending = true;
    this.trouble = '';
    try {
      await signUp(this.typed.email, this.typed.password);
      navigate(`/confirm?email=${encodeURIComponent(this.typed.email)}&next=${encodeURIComponent(this.next)}`);
    } catch (error) {
      this.trouble = (error as Error).message;
      if (error instanceof AuthError) this.errors.tell(error.fields);
    } finally {
      this.isSending = false;
    }
  }
}
