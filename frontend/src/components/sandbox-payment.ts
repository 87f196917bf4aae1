import { html } from 'lit';

/** Payment methods that the sandbox understands, and what it does with them. */
const CARDS = [
  { id: 'pm_card_visa', name: 'Visa •••• 4242', outcome: 'Succeeds', brand: 'visa' },
  { id: 'pm_card_mastercard', name: 'Mastercard •••• 4444', outcome: 'Succeeds', brand: 'mastercard' },
  { id: 'pm_card_visa_chargeDeclined', name: 'Visa •••• 0002', outcome: 'Declined', brand: 'visa' },
  {
    id: 'pm_card_visa_chargeDeclinedInsufficientFunds',
    name: 'Visa •••• 9995',
    outcome: 'Insufficient funds',
    brand: 'visa',
  },
  { id: 'pm_card_threeDSecure2Required', name: 'Visa •••• 3220', outcome: 'Asks you to confirm', brand: 'visa' },
];

const LOOKS: Record<string, string> = { Succeeds: 'outcome-good', 'Asks you to confirm': 'outcome-ask' };

/** Faults of the payment provider; money and stock stay consistent all the same. */
const MISHAPS = [
  { id: 'pm_card_fault_confirm_errorAfter', name: 'Charged, but the answer is lost' },
  { id: 'pm_card_fault_confirm_rateLimited', name: 'The bank says: slow down' },
  { id: 'pm_card_fault_capture_stickyError', name: 'The capture fails, the same way each time' },
  { id: 'pm_card_threeDSecureRequiredChargeDeclined', name: 'Confirmed by you, then declined by the bank' },
  { id: 'pm_card_fault_capture_holdExpires', name: 'The hold expires before the parcel leaves' },
];

/** The warehouse simulator listens to the second address line. */
const WAREHOUSES = [
  { line2: '', name: 'Packs and ships' },
  { line2: 'sandbox:refuse', name: 'Refuses' },
  { line2: 'sandbox:silent', name: 'Never answers' },
];

export interface SandboxChoice {
  card: string;
  line2: string;
}

export const sandboxDefault: SandboxChoice = { card: CARDS[0].id, line2: '' };

export const sandboxPayment = (chosen: SandboxChoice, choose: (choice: SandboxChoice) => void) => html`
  <div class="sandbox">
    <p class="sandbox-label"><strong>Sandbox</strong> No real card, no real money. Choose how the story goes.</p>
    <fieldset class="cards">
      <legend>Test card</legend>
      ${CARDS.map(
        ({ id, name, outcome, brand }) => html`
          <label class="choice">
            <input
              type="radio"
              name="card"
              data-testid="card-${id}"
              .checked=${chosen.card === id}
              @change=${() => choose({ ...chosen, card: id })}
            >
            <span class="brand brand-${brand}" aria-hidden="true"></span>
            <span class="choice-words">
              <span class="choice-name">${name}</span>
              <span class="outcome ${LOOKS[outcome] ?? 'outcome-bad'}">${outcome}</span>
            </span>
          </label>
        `,
      )}
    </fieldset>
    ${mishaps(chosen, choose)}
    <fieldset class="warehouses">
      <legend>The warehouse</legend>
      ${WAREHOUSES.map(
        ({ line2, name }) => html`
          <label class="choice choice-small">
            <input type="radio" name="warehouse" .checked=${chosen.line2 === line2} @change=${() => choose({ ...chosen, line2 })}>
            <span>${name}</span>
          </label>
        `,
      )}
    </fieldset>
  </div>
`;

function mishaps(chosen: SandboxChoice, choose: (choice: SandboxChoice) => void) {
  const picked = MISHAPS.find(({ id }) => id === chosen.card);
  return html`
    <details class="mishaps" data-testid="mishaps">
      <summary>
        <span class="mishaps-name">When things go wrong</span>
        <small>${picked?.name ?? 'Five bad moments an order survives'}</small>
      </summary>
      <fieldset>
        <legend class="visually-hidden">When things go wrong</legend>
        ${MISHAPS.map(
          ({ id, name }) => html`
            <label class="choice choice-small">
              <input
                type="radio"
                name="card"
                data-testid="card-${id}"
                .checked=${chosen.card === id}
                @change=${() => choose({ ...chosen, card: id })}
              >
              <span>${name}</span>
            </label>
          `,
        )}
      </fieldset>
    </details>
  `;
}
