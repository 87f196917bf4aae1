import { html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { AuthError, session, signIn } from '../auth';
import { field } from '../components/field';
import { FormErrors } from '../components/form-errors';
import { doorway } from '../components/doorway';
import { LightElement } from '../components/light-element';
import { navigate } from '../router';
import { setTitle } from '../title';

@customElement('sign-in-page')
export class SignInPage extends LightElement {
  @property() next = '/';
  @property() email = '';
  @state() private trouble = '';
  @state() private isSending = false;
  private password = '';
  private errors = new FormErrors(this);

  override connectedCallback(): void {
    super.connectedCallback();
    setTitle('Sign in');
    if (session.value) navigate(this.next, { replace: true });
  }

  protected override render() {
    const lead = 'Sign in to find your orders and your cart where you left them.';
    return doorway('Come in', lead, html`
      <form novalidate @submit=${this.send} @focusout=${this.errors.leave} @input=${this.errors.mend}>
        ${field({ name: 'email', label: 'Email', type: 'email', autocomplete: 'username', value: this.email, error: this.errors.of('email'), testid: 'sign-in-email' })}
        ${field({ name: 'password', label: 'Password', type: 'password', autocomplete: 'current-password', value: this.password, error: this.errors.of('password'), testid: 'sign-in-password' })}
        <div role="alert">${this.trouble ? html`<p class="notice notice-bad">${this.trouble}</p>` : nothing}</div>
        <button class="button button-big button-wide" data-testid="sign-in-submit" aria-disabled=${this.isSending}>
          ${this.isSending ? 'Opening…' : 'Sign in'}
        </button>
      </form>
      <p>New here? <a href="/sign-up?next=${encodeURIComponent(this.next)}">Open an account</a></p>
    `);
  }

  private async send(event: Event): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    if (this.isSending || !this.errors.isFine(form)) return;
    const typed = new FormData(form);
    this.email = String(typed.get('email')).trim();
    this.password = String(typed.get('password'));
    this.isSending = true;
    this.trouble = '';
    try {
      await signIn(this.email, this.password);
      navigate(this.next, { replace: true });
    } catch (error) {
      if (error instanceof AuthError && error.code === 'UserNotConfirmed') {
        navigate(`/confirm?email=${encodeURIComponent(this.email)}&next=${encodeURIComponent(this.next)}`);
      }
      this.trouble = (error as Error).message;
    } finally {
      this.isSending = false;
    }
  }
}
