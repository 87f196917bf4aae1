import { html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { AuthError, PASSWORD_MINIMUM, session, signIn } from '../auth';
import { field } from '../components/field';
import { FormErrors } from '../components/form-errors';
import { doorway } from '../components/doorway';
import { LightElement } from '../components/light-element';
import { navigate } from '../router';
import { Watch } from '../store';
import { setTitle } from '../title';

@customElement('sign-in-page')
export class SignInPage extends LightElement {
  @property() next = '/';
  @property() email = '';
  @state() private trouble = '';
  @state() private isSending = false;
  @state() private needsNewPassword = false;
  private password = '';
  private errors = new FormErrors(this);

  constructor() {
    super();
    new Watch(this, session);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    setTitle('Sign in');
  }

  /** Also when the session of the last visit is found a moment after the page is there. */
  protected override updated(): void {
    if (session.value) navigate(this.next, { replace: true });
  }

  protected override render() {
    const lead = 'Sign in to find your orders and your cart where you left them.';
    return doorway('Come in', lead, html`
      <form novalidate @submit=${this.send} @focusout=${this.errors.leave} @input=${this.errors.mend}>
        ${field({ name: 'email', label: 'Email', type: 'email', autocomplete: 'username', value: this.email, error: this.errors.of('email'), testid: 'sign-in-email' })}
        ${field({ name: 'password', label: 'Password', type: 'password', autocomplete: 'current-password', value: this.password, error: this.errors.of('password'), testid: 'sign-in-password' })}
        ${this.needsNewPassword
          ? field({ name: 'new_password', label: 'New password', type: 'password', autocomplete: 'new-password', minlength: PASSWORD_MINIMUM, hint: `At least ${PASSWORD_MINIMUM} characters. A short sentence is a good password.`, value: '', error: this.errors.of('new_password'), testid: 'sign-in-new-password' })
          : nothing}
        <div role="alert">${this.trouble ? html`<p class="notice notice-bad">${this.trouble}</p>` : nothing}</div>
        <button class="button button-big button-wide" data-testid="sign-in-submit" aria-disabled=${this.isSending}>
          ${this.isSending ? 'Opening…' : 'Sign in'}
        </button>
      </form>
      <p><a href="/forgotten-password?email=${encodeURIComponent(this.email)}&next=${encodeURIComponent(this.next)}" data-testid="forgotten-password">Forgotten your password?</a></p>
      <p>Ordered without an account? <a href="/find-order">Find my order</a></p>
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
      await signIn(this.email, this.password, typed.get('new_password')?.toString());
    } catch (error) {
      this.explain(error);
    } finally {
      this.isSending = false;
    }
  }

  private explain(error: unknown): void {
    this.trouble = (error as Error).message;
    if (!(error instanceof AuthError)) return;
    const there = `?email=${encodeURIComponent(this.email)}&next=${encodeURIComponent(this.next)}`;
    if (error.code === 'account_not_confirmed') navigate(`/confirm${there}`);
    if (error.code === 'password_reset_required') navigate(`/forgotten-password${there}`);
    if (error.code === 'new_password_required') this.needsNewPassword = true;
    this.errors.tell(error.fields);
  }
}
