import { html, nothing } from 'lit';
import type { Order } from '../api';

interface Choice {
  isBusy: boolean;
  trouble: string | null;
  cancel: () => void;
  keep: () => void;
}

/** Asks for a confirmation before an order is cancelled, and shows what that means now. */
export const cancelPanel = (order: Order, { isBusy, trouble, cancel, keep }: Choice) => html`
  <section
    class="panel"
    aria-labelledby="cancel-question"
    aria-describedby="cancel-meaning"
    data-testid="cancel-panel"
    @keydown=${(event: KeyboardEvent) => event.key === 'Escape' && !isBusy && keep()}
  >
    <h2 id="cancel-question" tabindex="-1">Cancel this order?</h2>
    <p id="cancel-meaning">${meaning(order)}</p>
    <div role="alert">${trouble ? html`<p class="notice notice-bad">${trouble}</p>` : nothing}</div>
    <p class="actions">
      <button class="button" aria-disabled=${isBusy} data-testid="cancel-confirm" @click=${() => isBusy || cancel()}>
        ${isBusy ? 'Passing it on…' : 'Yes, cancel it'}
      </button>
      <button class="button button-quiet" ?disabled=${isBusy} @click=${keep}>Keep it</button>
    </p>
  </section>
`;

function meaning({ status, payment }: Order): string {
  if (status === 'SHIPPING') {
    return 'The warehouse is packing it right now. If it has not left, it goes back on the shelf and your card is not charged.';
  }
  const isHeld = payment?.status === 'AUTHORIZED';
  return `The goods go back on the shelf, and ${isHeld ? 'your bank lets go of the amount it holds' : 'your card is not charged'}.`;
}
