import { html } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import { idToken, session } from '../auth';
import '../components/account-data';
import '../components/address-book';
import { LightElement } from '../components/light-element';
import '../components/password-change';
import { emptyState, skeletonLines } from '../components/states';
import { Watch } from '../store';
import { setTitle } from '../title';

/** What a customer decides about their account: addresses, password, a copy of the data, deletion. */
@customElement('account-settings-page')
export class AccountSettingsPage extends LightElement {
  @state() private isAsked = false;

  constructor() {
    super();
    new Watch(this, session);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    setTitle('Account settings', { isUnlisted: true });
    void idToken()
      .catch(() => undefined)
      .finally(() => (this.isAsked = true));
  }

  protected override render() {
    return html`
      <section class="section account-page settings-page">
        <h1>Account settings</h1>
        ${session.value ? this.opened(session.value.email) : this.isAsked ? stranger : skeletonLines(6)}
      </section>
    `;
  }

  private opened(email: string) {
    return html`
      <p class="lead">Signed in as <strong dir="auto">${email}</strong>. <a class="text-link" href="/account">Back to your account</a></p>
      <section class="setting" aria-labelledby="addresses"><address-book></address-book></section>
      <section class="setting" aria-labelledby="password"><password-change></password-change></section>
      <section class="setting" aria-labelledby="data"><account-data></account-data></section>
    `;
  }
}

const stranger = emptyState({
  art: 'light',
  title: 'Who goes there?',
  text: 'Sign in to change your account.',
  action: html`<a class="button" href="/sign-in?next=/account/settings">Sign in</a>`,
});
