import { html, nothing } from 'lit';
import type { Order } from '../api';
import { say } from '../toast';
import { icons } from './icons';

const STATES: Record<string, string> = {
  REQUESTED: 'The warehouse is packing it.',
  DISPATCHED: 'It has left our quay.',
  REFUSED: 'The warehouse could not send it.',
  RECALLED: 'It came back to our shelf.',
};

/** Where the parcel goes, how far it is, and the number to ask its carrier for. */
export const orderParcel = ({ shipping_label: lines, shipping_address: { phone }, shipment }: Order) => html`
  <div class="parcel">
    <h3>Goes to</h3>
    <address data-testid="shipping-label">
      ${lines.filter((line) => !line.startsWith('sandbox:')).map((line) => html`${written(line)}<br>`)}
      ${phone ? html`<span dir="ltr" data-testid="shipping-phone">${phone}</span>` : nothing}
    </address>
    ${shipment ? tracking(shipment) : nothing}
  </div>
`;

/** In its own direction, independent of the text beside it. */
const written = (text: string) => html`<span dir="auto">${text}</span>`;

const tracking = ({ status, carrier, tracking_number: number }: NonNullable<Order['shipment']>) => html`
  <h3>Tracking</h3>
  <p data-testid="shipment" data-status=${status}>${STATES[status] ?? ''}</p>
  ${number
    ? html`
        <p class="tracking-line">
          <span>${carrier}</span>
          <span class="tracking" dir="auto" data-testid="tracking-number">${number}</span>
          <button class="icon-button" aria-label="Copy the tracking number" @click=${() => copy(number)}>${icons.copy}</button>
        </p>
      `
    : nothing}
`;

async function copy(number: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(number);
    say('Tracking number copied.');
  } catch {
    say('Your browser did not let us copy it.', 'bad');
  }
}
