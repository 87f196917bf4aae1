import { html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { AuthError, PASSWORD_MINIMUM, session, signIn } from '../auth';
import { field } from '../components/field';
import { FormPage, textOf } from '../components/form-page';
import { authLayout } from '../components/auth-layout';
import { navigate } from '../router';
import { Watch } from '../store';
import { setTitle } from '../title';

@customElement('sign-in-page')
export class SignInPage extends FormPage {
  @property() next = '/';
  @property() email = '';
  @state() private needsNewPassword = false;
  private password = '';
  private isLeaving = false;

  constructor() {
    super();
    new Watch(this, session);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    setTitle('Sign in');
  }

  /** Leave once, also if an earlier session is found after the page is shown: a second navigation aborts the first. */
  protected override updated(): void {
    if (!session.value || this.isLeaving) return;
    this.isLeaving = true;
    navigate(this.next, { replace: true });
  }

  protected override render() {
    const lead = 'Sign in to find your orders and your cart where you left them.';
    return authLayout('Come in', lead, html`
      ${this.form(html`
        ${field({ name: 'email', label: 'Email', type: 'email', autocomplete: 'username', value: this.email, error: this.errors.of('email'), testid: 'sign-in-email' })}
        ${field({ name: 'password', label: 'Password', type: 'password', autocomplete: 'current-password', value: this.password, error: this.errors.of('password'), testid: 'sign-in-password' })}
        ${this.needsNewPassword
          ? field({ name: 'new_password', label: 'New password', type: 'password', autocomplete: 'new-password', minlength: PASSWORD_MINIMUM, hint: `At least ${PASSWORD_MINIMUM} characters. A short sentence is a good password.`, value: '', error: this.errors.of('new_password'), testid: 'sign-in-new-password' })
          : nothing}
      `, { label: 'Sign in', sending: 'Opening…', testid: 'sign-in-submit' })}
      <p><a href="/forgotten-password?email=${encodeURIComponent(this.email)}&next=${encodeURIComponent(this.next)}" data-testid="forgotten-password">Forgotten your password?</a></p>
      <p>Ordered without an account? <a href="/find-order">Find my order</a></p>
      <p>New here? <a href="/sign-up?next=${encodeURIComponent(this.next)}">Open an account</a></p>
    `);
  }

  protected override async send(typed: FormData): Promise<void> {
    this.email = textOf(typed, 'email');
    this.password = String(typed.get('password'));
    await signIn(this.email, this.password, typed.get('new_password')?.toString());
  }

  protected override explain(error: unknown): void {
    super.explain(error);
    if (!(error instanceof AuthError)) return;
    const there = `?email=${encodeURIComponent(this.email)}&next=${encodeURIComponent(this.next)}`;
    if (error.code === 'account_not_confirmed') navigate(`/confirm${there}`);
    if (error.code === 'password_reset_required') navigate(`/forgotten-password${there}`);
    if (error.code === 'new_password_required') this.needsNewPassword = true;
  }
}
