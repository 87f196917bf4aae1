import { html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { documentUrl, listDocuments, type Order, type OrderDocument } from '../api';
import { openLater } from '../open-later';
import { complain } from '../toast';
import { icons } from './icons';
import { LightElement } from './light-element';

const NAMES: Record<OrderDocument['kind'], string> = {
  INVOICE: 'Invoice',
  CREDIT_NOTE: 'Credit note',
  REVERSAL: 'Reversal of a credit note',
};
/** Documents are issued moments after the order's completion or a refund. */
const PAUSES_MS = [500, 1_000, 2_000, 4_000, 8_000];

/** An order's invoice and credit notes, each opened by a click. */
@customElement('order-documents')
export class OrderDocuments extends LightElement {
  @property({ attribute: false }) order!: Order;
  @state() private documents: OrderDocument[] = [];
  private expected = 0;
  private looking = new AbortController();

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.looking.abort();
  }

  protected override willUpdate(): void {
    const expected = expectedOf(this.order);
    if (expected <= this.expected) return;
    this.expected = expected;
    void this.look();
  }

  protected override render() {
    if (!this.documents.length) return nothing;
    return html`
      <div class="parcel">
        <h3>Documents</h3>
        <ul class="documents" data-testid="documents">
          ${this.documents.map(
            ({ number, kind }) => html`
              <li>
                <button class="text-link" data-testid=${kind === 'INVOICE' ? 'open-invoice' : 'open-document'} @click=${() => this.open(number)}>
                  ${icons.page} ${NAMES[kind]} <span class="tracking">${number}</span>
                </button>
              </li>
            `,
          )}
        </ul>
      </div>
    `;
  }

  private async look(): Promise<void> {
    this.looking.abort();
    this.looking = new AbortController();
    const { signal } = this.looking;
    for (const pause of [...PAUSES_MS, 0]) {
      try {
        const documents = await listDocuments(this.order.order_id, signal);
        if (signal.aborted) return;
        this.documents = documents;
        if (documents.length >= this.expected) return;
      } catch {
        if (signal.aborted) return;
      }
      await new Promise((resume) => setTimeout(resume, pause));
      if (signal.aborted) return;
    }
  }

  private async open(number: string): Promise<void> {
    try {
      await openLater(() => documentUrl(this.order.order_id, number));
    } catch (error) {
      complain(error);
    }
  }
}

/** One invoice, and a credit note for each return that was refunded. */
function expectedOf({ status, returns = [] }: Order): number {
  if (status !== 'COMPLETED' && status !== 'RETURNED') return 0;
  return 1 + returns.filter((each) => each.status === 'REFUNDED' && each.refund.amount > 0).length;
}
