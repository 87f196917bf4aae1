import { html, nothing, type TemplateResult } from 'lit';
import { guard } from 'lit/directives/guard.js';
import { ifDefined } from 'lit/directives/if-defined.js';

export interface Field {
  name: string;
  label: string;
  value: string;
  error?: string;
  hint?: string;
  type?: string;
  autocomplete?: string;
  inputmode?: string;
  optional?: boolean;
  minlength?: number;
  maxlength?: number;
  /** The shape of what is right, and an example of it. */
  pattern?: string;
  example?: string;
  testid?: string;
  /** Given options, the field is a list to choose from. */
  options?: [value: string, label: string][];
}

/** A labelled control whose hint and error are read out together with it. */
export function field(shown: Field): TemplateResult {
  const { name, label, error, hint, optional } = shown;
  return html`
    <div class="field field-${name} ${error ? 'has-error' : ''}">
      <label for=${name}>${label}${optional ? html` <small>optional</small>` : nothing}</label>
      ${shown.options ? choice(shown, shown.options) : line(shown)}
      ${hint && !error ? html`<p class="hint" id="${name}-note">${hint}</p>` : nothing}
      ${error ? html`<p class="error" id="${name}-note">${error}</p>` : nothing}
    </div>
  `;
}

const note = ({ name, error, hint }: Field) => (error || hint ? `${name}-note` : undefined);

const line = (shown: Field) => html`
  <input
    id=${shown.name}
    name=${shown.name}
    type=${shown.type ?? 'text'}
    autocomplete=${(shown.autocomplete ?? 'off') as AutoFill}
    inputmode=${ifDefined(shown.inputmode as 'text' | undefined)}
    minlength=${ifDefined(shown.minlength)}
    maxlength=${ifDefined(shown.maxlength)}
    pattern=${ifDefined(shown.pattern)}
    data-example=${ifDefined(shown.example)}
    ?required=${!shown.optional}
    aria-invalid=${shown.error ? 'true' : 'false'}
    aria-describedby=${ifDefined(note(shown))}
    data-label=${shown.label}
    data-testid=${ifDefined(shown.testid)}
    dir=${ifDefined(shown.type ? undefined : 'auto')}
    .value=${shown.value}
  >
`;

const choice = (shown: Field, options: [string, string][]) => html`
  <select
    id=${shown.name}
    name=${shown.name}
    autocomplete=${(shown.autocomplete ?? 'off') as AutoFill}
    ?required=${!shown.optional}
    aria-invalid=${shown.error ? 'true' : 'false'}
    aria-describedby=${ifDefined(note(shown))}
    data-label=${shown.label}
    data-testid=${ifDefined(shown.testid)}
  >
    ${guard([options], () => optionNodes(options, shown.value))}
  </select>
`;

/** Nodes instead of templates, made once: a list of forty countries was half of the form's cost at each rendering. */
function optionNodes(options: [string, string][], chosen: string): DocumentFragment {
  const nodes = document.createDocumentFragment();
  nodes.append(...[['', 'Choose…'], ...options].map(([value, label]) => new Option(label, value, value === chosen, value === chosen)));
  return nodes;
}

/** What is wrong with a control, in words, or undefined. */
export function whatIsWrong(control: HTMLInputElement | HTMLSelectElement): string | undefined {
  const { validity } = control;
  if (validity.valid && (control.value.trim() || !control.required)) return undefined;
  const label = control.dataset.label?.toLowerCase() ?? 'answer';
  if (validity.valueMissing || !control.value.trim()) {
    return control instanceof HTMLSelectElement ? `Please choose your ${label}.` : `Please fill in your ${label}.`;
  }
  if (validity.patternMismatch) return `This country’s look like ${control.dataset.example}.`;
  if (validity.typeMismatch) return 'That does not look like an email address.';
  if (validity.tooShort) return `At least ${(control as HTMLInputElement).minLength} characters, please.`;
  return control.validationMessage;
}
