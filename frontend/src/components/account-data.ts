/** What the shop knows of a customer: a copy for them, and its end. */
import { html } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import { deleteAccount, exportAccount } from '../account-api';
import { navigate } from '../router';
import { SHOP } from '../shop';
import { complain, say } from '../toast';
import { field } from './field';
import { FormPage } from './form-page';

@customElement('account-data')
export class AccountData extends FormPage {
  @state() private isExporting = false;
  @state() private isDeleting = false;

  protected override render() {
    return html`
      <h2 id="data">Your data</h2>
      <p>All that we keep about you, as one file: your addresses, orders, points and choices.</p>
      <button class="button button-quiet" data-testid="export" aria-disabled=${this.isExporting} @click=${this.download}>
        ${this.isExporting ? 'Packing…' : 'Download my data'}
      </button>
      <h2>The end of this account</h2>
      <p>We delete your addresses, cart, points and choices, and take your name out of your orders. Invoices stay, as the law wants it. There is no way back.</p>
      ${this.isDeleting
        ? html`
            ${this.form(html`
              ${field({ name: 'password', label: 'Your password, to be sure', type: 'password', autocomplete: 'current-password', value: '', error: this.errors.of('password'), testid: 'deletion-password' })}
            `, { label: 'Delete my account for good', sending: 'Closing the book…', testid: 'delete-account' })}
            <button class="button button-quiet" @click=${() => (this.isDeleting = false)}>Keep it</button>
          `
        : html`<button class="button button-quiet" data-testid="open-deletion" @click=${this.ask}>Delete my account…</button>`}
    `;
  }

  private readonly ask = async (): Promise<void> => {
    this.isDeleting = true;
    await this.updateComplete;
    this.querySelector<HTMLElement>('input')?.focus();
  };

  private readonly download = async (): Promise<void> => {
    if (this.isExporting) return;
    this.isExporting = true;
    try {
      const text = JSON.stringify(await exportAccount(), null, 2);
      const link = document.createElement('a');
      link.href = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
      link.download = `${SHOP.name.toLowerCase().replace(/\W+/g, '-')}-my-data.json`;
      link.click();
      URL.revokeObjectURL(link.href);
    } catch (error) {
      complain(error);
    } finally {
      this.isExporting = false;
    }
  };

  protected override async send(typed: FormData): Promise<void> {
    await deleteAccount(String(typed.get('password')));
    say('Your account is deleted. Fare well.');
    navigate('/', { replace: true });
  }

  /** That the password is wrong is an error of its field. */
  protected override explain(error: unknown): void {
    super.explain(error);
    if ((error as { code?: string }).code !== 'password_wrong') return;
    this.trouble = '';
    this.errors.show({ password: 'That is not your password.' });
  }
}
