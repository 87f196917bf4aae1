/** Base of the pages that consist of one form: its fields' errors, one submission at a time, and the error it ended with. */
import { html, nothing, type TemplateResult } from 'lit';
import { state } from 'lit/decorators.js';
import { Problem } from '../api';
import { AuthError } from '../auth';
import { FormErrors } from './form-errors';
import { LightElement } from './light-element';

interface SubmitButton {
  label: string;
  /** Shown while the form is being sent. */
  sending: string;
  testid: string;
}

export abstract class FormPage extends LightElement {
  @state() protected trouble = '';
  @state() protected isSending = false;
  protected readonly errors = new FormErrors(this);

  /** Sends a form whose fields are valid. What it rejects with is passed to `explain`. */
  protected abstract send(typed: FormData): Promise<void>;

  protected form(fields: TemplateResult, button: SubmitButton): TemplateResult {
    return html`
      <form novalidate @submit=${this.submit} @focusout=${this.errors.leave} @input=${this.errors.mend}>
        ${fields}
        ${this.alert()}
        <button class="button button-big button-wide" data-testid=${button.testid} aria-disabled=${this.isSending}>
          ${this.isSending ? button.sending : button.label}
        </button>
      </form>
    `;
  }

  protected alert(): TemplateResult {
    return html`<div role="alert">${this.trouble ? html`<p class="notice notice-bad">${this.trouble}</p>` : nothing}</div>`;
  }

  /** Shows why the form was refused, and beside which fields. */
  protected explain(error: unknown): void {
    this.trouble = (error as Error).message;
    if (error instanceof AuthError) this.errors.show(error.fields);
    if (error instanceof Problem) this.errors.show(Object.fromEntries(error.errors.map(({ field, message }) => [field, message])));
  }

  /** Runs `work` unless it is running already. */
  protected async attempt(work: () => Promise<void>): Promise<void> {
    if (this.isSending) return;
    this.isSending = true;
    this.trouble = '';
    try {
      await work();
    } catch (error) {
      this.explain(error);
    } finally {
      this.isSending = false;
    }
  }

  private async submit(event: Event): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    if (this.isSending || !this.errors.isFine(form)) return;
    const typed = new FormData(form);
    await this.attempt(() => this.send(typed));
  }
}

/** A field of a form, without the spaces around it. */
export const textOf = (typed: FormData, name: string): string => String(typed.get(name)).trim();
