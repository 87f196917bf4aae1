import { html, nothing } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import { getProduct, seenProducts, type LeftOver } from '../api';
import { cart, claimCart, leftBehind } from '../cart';
import { Watch } from '../store';
import { complain, say } from '../toast';
import { LightElement } from './light-element';

/** What a merge of two carts had no room for, and a way to bring it over later. */
@customElement('left-behind')
export class LeftBehind extends LightElement {
  @state() private names: Record<string, string> = {};
  @state() private isBusy = false;
  private asked = new Set<string>();

  constructor() {
    super();
    new Watch(this, cart, leftBehind);
  }

  protected override updated(): void {
    for (const { sku } of leftBehind.value) if (!this.nameOf(sku)) void this.ask(sku);
  }

  protected override render() {
    const left = leftBehind.value;
    if (!left.length) return nothing;
    return html`
      <section class="notice left-behind" aria-labelledby="left-behind" data-testid="left-behind">
        <h2 id="left-behind">Not everything fitted in</h2>
        <p>A cart takes 20 of one product and 30 products. These wait in the cart that you filled before you signed in:</p>
        <ul>
          ${left.map(({ sku, quantity }) => html`<li>${quantity} × ${this.nameOf(sku) ?? sku}</li>`)}
        </ul>
        <p>Order what you have, or make room, and then bring them over.</p>
        <button class="button button-quiet" ?disabled=${this.isBusy} @click=${this.bring}>Bring them over</button>
      </section>
    `;
  }

  private nameOf(sku: string): string | undefined {
    const line = cart.value?.lines.find((each) => each.sku === sku);
    return line?.name ?? seenProducts.get(sku)?.name ?? this.names[sku];
  }

  private async ask(sku: string): Promise<void> {
    if (this.asked.has(sku)) return;
    this.asked.add(sku);
    const product = await getProduct(sku).catch(() => null);
    if (product) this.names = { ...this.names, [sku]: product.name };
  }

  private async bring(): Promise<void> {
    this.isBusy = true;
    const before = units(leftBehind.value);
    try {
      await claimCart();
      say(units(leftBehind.value) < before ? 'They are in your cart.' : 'There is still no room for them.');
    } catch (error) {
      complain(error);
    } finally {
      this.isBusy = false;
    }
  }
}

const units = (left: LeftOver[]) => left.reduce((sum, { quantity }) => sum + quantity, 0);
