import { html, nothing, type TemplateResult } from 'lit';
import type { KnownAddress } from '../account-api';

export const ANOTHER = '';

/** The addresses that the customer keeps, and another one. `chosen` is an id, or ANOTHER. */
export const addressChoice = (known: KnownAddress[], chosen: string, choose: (id: string) => void): TemplateResult | typeof nothing =>
  known.length
    ? html`
        <fieldset class="address-choice">
          <legend class="visually-hidden">Where to</legend>
          ${known.map((each) => option(each.id, each.label[0], each.label.slice(1).join(', '), each.id === chosen, choose))}
          ${option(ANOTHER, 'Another address', '', chosen === ANOTHER, choose)}
        </fieldset>
      `
    : nothing;

const option = (id: string, title: string, text: string, isChosen: boolean, choose: (id: string) => void) => html`
  <label class="choice">
    <input
      type="radio"
      name="known_address"
      value=${id}
      data-testid="address-${id || 'another'}"
      .checked=${isChosen}
      @change=${() => choose(id)}
    >
    <span class="choice-words">
      <strong dir="auto">${title}</strong>
      ${text ? html`<small dir="auto">${text}</small>` : nothing}
    </span>
  </label>
`;

/** Whether the address that was typed is to be kept. */
export const keepChoice = (isWanted: boolean, choose: (isWanted: boolean) => void): TemplateResult => html`
  <label class="check">
    <input
      type="checkbox"
      name="keep_address"
      data-testid="keep-address"
      .checked=${isWanted}
      @change=${(event: Event) => choose((event.target as HTMLInputElement).checked)}
    >
    <span>Keep this address in my account</span>
  </label>
`;
