import { html, nothing, type TemplateResult } from 'lit';
import { ifDefined } from 'lit/directives/if-defined.js';

interface FormField {
  name: string;
  label: string;
  value?: string;
  error?: string;
  hint?: string;
  optional?: boolean;
  maxlength?: number;
  inputmode?: string;
  pattern?: string;
  /** With rows, the control is a textarea. */
  rows?: number;
  /** Suggested values; others are allowed. */
  options?: string[];
}

/** A labelled control with its hint or error. */
export function formField(shown: FormField): TemplateResult {
  const { name, label, error, hint } = shown;
  const note = error ?? hint;
  return html`
    <div class="field">
      <label for=${name}>${label}</label>
      ${shown.rows ? area(shown) : line(shown)}
      ${note ? html`<p class=${error ? 'error' : 'hint'} id="${name}-note">${note}</p>` : nothing}
      ${shown.options ? html`<datalist id="${name}-options">${shown.options.map((each) => html`<option value=${each}></option>`)}</datalist>` : nothing}
    </div>
  `;
}

const noteOf = ({ name, error, hint }: FormField) => (error || hint ? `${name}-note` : undefined);

const line = (shown: FormField) => html`
  <input
    id=${shown.name}
    name=${shown.name}
    autocomplete="off"
    inputmode=${ifDefined(shown.inputmode as 'decimal' | undefined)}
    maxlength=${ifDefined(shown.maxlength)}
    pattern=${ifDefined(shown.pattern)}
    list=${ifDefined(shown.options && `${shown.name}-options`)}
    ?required=${!shown.optional}
    dir="auto"
    aria-invalid=${Boolean(shown.error)}
    aria-describedby=${ifDefined(noteOf(shown))}
    .value=${shown.value ?? ''}
  >
`;

const area = (shown: FormField) => html`
  <textarea
    id=${shown.name}
    name=${shown.name}
    rows=${shown.rows!}
    maxlength=${ifDefined(shown.maxlength)}
    ?required=${!shown.optional}
    dir="auto"
    aria-invalid=${Boolean(shown.error)}
    aria-describedby=${ifDefined(noteOf(shown))}
    .value=${shown.value ?? ''}
  ></textarea>
`;
