import { html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { Order, OrderLine, ReturnLine } from '../api';
import { formatMoney } from '../money';
import { LightElement } from './light-element';
import { unitsText, keptOf, sentBack } from './order-story';
import './picture';
import './quantity-stepper';

/** Chooses what to send back; reports it by the event "send", and that the buyer changed their mind by "leave". */
@customElement('return-form')
export class ReturnForm extends LightElement {
  @property({ attribute: false }) order!: Order;
  @property({ type: Boolean }) isBusy = false;
  @property() trouble: string | null = null;
  @state() private wanted: Record<string, number> = {};

  protected override render() {
    const units = this.chosen().reduce((total, { quantity }) => total + quantity, 0);
    return html`
      <form class="panel return-form" aria-labelledby="return-title" aria-busy=${this.isBusy} @submit=${this.send} @keydown=${this.escape}>
        <header>
          <h2 id="return-title" tabindex="-1">What goes back?</h2>
          <button class="text-link" type="button" ?disabled=${this.isBusy} @click=${this.takeAll} data-testid="return-everything">
            Send everything back
          </button>
        </header>
        <ul class="return-lines">${this.order.lines.map((line) => this.line(line))}</ul>
        <p class="sum sum-total">
          <span>Your refund</span>
          <output class="price" aria-live="polite" data-testid="return-total">${this.refund()}</output>
        </p>
        <div role="alert">${this.trouble ? html`<p class="notice notice-bad">${this.trouble}</p>` : nothing}</div>
        <p class="actions">
          <button class="button" ?disabled=${units === 0} aria-disabled=${this.isBusy} data-testid="return-submit">
            ${this.isBusy ? 'Passing it on…' : units ? `Send back ${unitsText(units)}` : 'Choose something first'}
          </button>
          <button class="button button-quiet" type="button" ?disabled=${this.isBusy} @click=${this.leave}>Keep it all</button>
        </p>
        ${this.order.total.amount ? html`<p class="small-print">The amount goes back to the card you paid with.</p>` : nothing}
      </form>
    `;
  }

  private line(line: OrderLine) {
    const kept = keptOf(line);
    const back = sentBack(line);
    const quantity = this.quantityOf(line);
    return html`
      <li class="return-line ${quantity ? 'is-chosen' : ''} ${kept ? '' : 'is-gone'}">
        <product-picture .src=${line.image}></product-picture>
        <span class="drawer-name">
          <span dir="auto">${line.name}</span><small>${formatMoney(line.unit_price)} each${back && kept ? html` · ${back} of ${line.quantity} sent back` : nothing}</small>
        </span>
        ${kept
          ? html`
              <span class="return-count">
                <quantity-stepper
                  data-testid="return-quantity-${line.sku}"
                  .value=${quantity}
                  .min=${0}
                  .max=${kept}
                  label="How many of ${line.name} to send back"
                  @quantity=${(event: CustomEvent<number>) => (this.wanted = { ...this.wanted, [line.sku]: event.detail })}
                ></quantity-stepper>
                <small>of ${kept}</small>
              </span>
            `
          : html`<span class="return-count"><small>All sent back</small></span>`}
      </li>
    `;
  }

  /** Never more than is left, also after another window has sent something back. */
  private quantityOf(line: OrderLine): number {
    return Math.min(this.wanted[line.sku] ?? 0, keptOf(line));
  }

  private chosen(): ReturnLine[] {
    const lines = this.order.lines.map((line) => ({ sku: line.sku, quantity: this.quantityOf(line) }));
    return lines.filter(({ quantity }) => quantity > 0);
  }

  /** A preview; what counts is the refund that the shop answers with. */
  private refund(): string {
    const { lines, total } = this.order;
    const amount = lines.reduce((sum, line) => sum + this.quantityOf(line) * line.unit_price.amount, 0);
    return formatMoney({ amount, currency: total.currency });
  }

  private takeAll(): void {
    this.wanted = Object.fromEntries(this.order.lines.map((line) => [line.sku, keptOf(line)]));
  }

  private send(event: Event): void {
    event.preventDefault();
    const lines = this.chosen();
    if (this.isBusy || !lines.length) return;
    this.dispatchEvent(new CustomEvent<ReturnLine[]>('send', { detail: lines }));
  }

  private escape(event: KeyboardEvent): void {
    if (event.key === 'Escape' && !this.isBusy) this.leave();
  }

  private leave(): void {
    this.dispatchEvent(new CustomEvent('leave'));
  }
}
