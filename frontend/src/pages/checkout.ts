import { html, nothing } from 'lit';
import { customElement, query, state } from 'lit/decorators.js';
import { listCountries, Problem, type Cart, type Checkout, type Country, type ShippingAddress } from '../api';
import { asAsked, keepAddress, knownAddresses, type KnownAddress } from '../account-api';
import { AuthError, session } from '../auth';
import { cart, cartError, countItems, loadCart, obstacle, reloadCart } from '../cart';
import { dropAttempt, pendingAttempt, submit } from '../checkout-attempt';
import { addressFields, likelyCountry } from '../addresses';
import { addressChoice, ANOTHER, keepChoice } from '../components/address-choice';
import { troubleNote, troubleOf, type Trouble } from '../components/checkout-trouble';
import { deliveryChoice } from '../components/delivery-choice';
import { field, type Field } from '../components/field';
import { FormErrors } from '../components/form-errors';
import { LightElement } from '../components/light-element';
import { orderSummary } from '../components/order-summary';
import { sandboxDefault, sandboxPayment } from '../components/sandbox-payment';
import { emptyState, errorState, skeletonLines } from '../components/states';
import { config, type Config } from '../config';
import { formatMoney } from '../money';
import { nextTask } from '../next-task';
import { navigate } from '../router';
import { inThisTab, Stored } from '../storage';
import { took } from '../steps';
import { Watch } from '../store';
import type { CardForm } from '../stripe';
import { setTitle } from '../title';
import { say } from '../toast';

type Details = Record<string, string>;

type Asked = Omit<Field, 'value' | 'error'>;

const draft = new Stored<Details>('saga.checkout-draft', inThisTab);

@customElement('checkout-page')
export class CheckoutPage extends LightElement {
  @state() private config: Config | null = null;
  @state() private sandbox = sandboxDefault;
  @state() private isSending = false;
  @state() private trouble: Trouble | null = null;
  @state() private known: KnownAddress[] = [];
  /** The id of a known address, or ANOTHER. */
  @state() private chosen = ANOTHER;
  @state() private isToKeep = false;
  /** False in the first rendering of the form, which ends with the address: no task is long on a slow phone. */
  @state() private isWhole = false;
  @query('.card-form') private cardHost?: HTMLElement;
  private countries: Country[] = [];
  private details: Details = draft.get() ?? {};
  private cardForm: Promise<CardForm> | null = null;
  private errors = new FormErrors(this);

  constructor() {
    super();
    new Watch(this, cart, cartError, session);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    setTitle('Checkout', { description: 'Where to, and how to pay. Nothing is charged before your parcel leaves.' });
    void this.prepare();
  }

  protected override updated(): void {
    if (!this.isWhole && this.querySelector('.checkout-form')) void nextTask().then(() => (this.isWhole = true));
    const key = this.config?.stripe_publishable_key;
    if (!this.cardHost) this.cardForm = null;
    if (!key || !this.cardHost || !cart.value || this.cardForm) return;
    const { cardHost } = this;
    this.cardForm = import('../stripe').then(({ mountCardForm }) => mountCardForm(cardHost, key, cart.value!.total));
    this.cardForm.catch((error: Error) => {
      this.cardForm = null;
      this.trouble = { text: `${error.message} Please reload the page.` };
    });
  }

  protected override render() {
    return html`<section class="section checkout"><h1>Checkout</h1>${this.body()}</section>`;
  }

  private async prepare(): Promise<void> {
    try {
      [this.config, this.countries, this.known] = await Promise.all([config(), listCountries(), knownAddresses()]);
      this.chosen = this.known.find(({ is_default }) => is_default)?.id ?? ANOTHER;
      this.details = { country: likelyCountry(this.countries), ...this.details };
      await loadCart();
    } catch (error) {
      cartError.value = error;
    }
  }

  private body() {
    const shown = cart.value;
    if (shown?.lines.length) took('checkout');
    if (cartError.value && !shown) return errorState(cartError.value, () => this.prepare());
    if (!shown || !this.config) return skeletonLines(8);
    if (!shown.lines.length) return this.nothingLeft();
    return html`
      <div class="with-aside">
        <details class="slip slip-fold">
          <summary><span>Your order, ${countItems(shown)} ${countItems(shown) === 1 ? 'thing' : 'things'}</span><strong>${formatMoney(shown.total)}</strong></summary>
          ${orderSummary(shown)}
        </details>
        ${this.form(shown, this.config)}
        <aside class="slip slip-aside" aria-label="Your order">
          <h2>Your order</h2>
          ${orderSummary(shown)}
          <a class="text-link" href="/cart">Change the cart</a>
        </aside>
      </div>
    `;
  }

  private form(shown: Cart, config: Config) {
    return html`
      <form
        class="checkout-form"
        novalidate
        @submit=${this.send}
        @focusout=${this.errors.leave}
        @input=${this.typed}
        aria-busy=${this.isSending}
      >
        <section aria-labelledby="contact">
          <h2 id="contact"><span>1</span> Contact</h2>
          ${this.email()}
        </section>
        <section aria-labelledby="address">
          <h2 id="address"><span>2</span> Address</h2>
          ${addressChoice(this.known, this.chosen, (id) => (this.chosen = id))}
          ${this.chosen === ANOTHER ? this.typedAddress() : nothing}
        </section>
        ${this.isWhole ? this.rest(shown, config) : nothing}
      </form>
    `;
  }

  private rest(shown: Cart, { sandbox, stripe_publishable_key }: Config) {
    const inTheWay = obstacle(shown);
    return html`
        <section aria-labelledby="delivery">
          <h2 id="delivery"><span>3</span> Delivery</h2>
          ${deliveryChoice(sandbox)}
        </section>
        <section aria-labelledby="payment">
          <h2 id="payment"><span>4</span> Payment</h2>
          ${isFree(shown)
            ? html`<p data-testid="nothing-to-pay">Nothing to pay. This order needs no card.</p>`
            : stripe_publishable_key
              ? html`<div class="card-form"></div>`
              : sandbox
                ? sandboxPayment(this.sandbox, (choice) => (this.sandbox = choice))
                : html`<p class="notice">This shop has no way to take payments yet.</p>`}
        </section>
        <div role="alert" data-testid="checkout-trouble">${this.trouble ? troubleNote(this.trouble, !inTheWay) : nothing}</div>
        ${inTheWay ? this.blocked(inTheWay) : this.button(shown)}
    `;
  }

  private typedAddress() {
    return html`
      <div class="fields">${this.addressFields().map((each) => this.field(each))}</div>
      ${session.value ? keepChoice(this.isToKeep, (isToKeep) => (this.isToKeep = isToKeep)) : nothing}
    `;
  }

  private button(shown: Cart) {
    return html`
      <button class="button button-big button-wide" data-testid="place-order" aria-disabled=${this.isSending}>
        ${this.isSending ? 'Sending your order…' : html`Place order · ${formatMoney(shown.total)}`}
      </button>
      ${isFree(shown) ? nothing : html`<p class="small-print">Your bank holds the amount now. It is charged when the parcel leaves.</p>`}
    `;
  }

  private blocked(reason: string) {
    return html`<div class="notice"><p>${reason}</p><a class="text-link" href="/cart">Go to the cart</a></div>`;
  }

  private nothingLeft() {
    if (this.trouble?.orderId) return alreadyOrdered(this.trouble.orderId);
    return pendingAttempt() ? this.lostAnswer() : empty;
  }

  private email() {
    return html`
      ${session.value
        ? nothing
        : html`<p class="small-print">Have an account? <a href="/sign-in?next=/checkout">Sign in</a> and keep this cart.</p>`}
      ${this.field({
        name: 'email',
        label: 'Email',
        type: 'email',
        inputmode: 'email',
        autocomplete: 'email',
        hint: 'For the confirmation, nothing else.',
        testid: 'checkout-email',
      })}
    `;
  }

  private field(each: Asked) {
    return field({ ...each, value: this.typedOrKnown()[each.name] ?? '', error: this.errors.of(each.name) });
  }

  /** The cart is gone and no response came: the same request, sent again, cannot order twice. */
  private lostAnswer() {
    return emptyState({
      art: 'paper',
      title: 'We lost the line',
      text: 'You sent an order and its answer never reached you. Asking again is safe: it is never placed twice.',
      action: html`
        <div role="alert">${this.trouble ? html`<p class="notice notice-bad">${this.trouble.text}</p>` : nothing}</div>
        <p class="actions">
          <button class="button" ?disabled=${this.isSending} @click=${() => this.place(pendingAttempt()!.checkout)}>Ask again</button>
          <button class="button button-quiet" @click=${() => (dropAttempt(), this.requestUpdate())}>Forget it</button>
        </p>
      `,
    });
  }

  private typed(event: Event): void {
    const { name, value, type } = event.target as HTMLInputElement;
    if (type !== 'radio' && type !== 'checkbox') {
      this.details = { ...this.details, [name]: value };
      draft.set(this.details);
    }
    if (name === 'country') void this.otherCountry();
    this.errors.mend(event);
  }

  /** The labels follow the country, and a code that was fine may not be any more. */
  private async otherCountry(): Promise<void> {
    this.details = { ...this.details, region: '' };
    this.errors.forget('region', 'city', 'postal_code');
    await this.updateComplete;
    const code = this.querySelector<HTMLInputElement>('#postal_code');
    if (code?.value) this.errors.judge(code);
  }

  private async send(event: Event): Promise<void> {
    event.preventDefault();
    if (this.isSending || !this.errors.isFine(event.target as HTMLFormElement)) return;
    this.isSending = true;
    // What is on screen now is what the buyer agrees to, however long the card form takes.
    const shown = cart.value!;
    try {
      await this.place(await this.checkout(shown), shown);
    } catch (error) {
      this.trouble = { text: (error as Error).message };
    } finally {
      this.isSending = false;
    }
  }

  private async checkout(shown: Cart): Promise<Checkout> {
    const { email } = this.trimmed();
    const address = { ...this.address() };
    if (this.sandbox.line2) address.line2 = this.sandbox.line2;
    const checkout: Checkout = { email, shipping_address: address, expected_total: shown.total };
    if (isFree(shown)) return checkout;
    const cardForm = await this.cardForm;
    const payment_method = cardForm ? await cardForm.paymentMethod(email, address) : this.sandbox.card;
    return { ...checkout, payment_method };
  }

  private address(): ShippingAddress {
    const known = this.known.find(({ id }) => id === this.chosen);
    if (known) return asAsked(known);
    const typed = this.trimmed();
    const asked = this.addressFields().filter(({ name }) => typed[name]);
    return Object.fromEntries(asked.map(({ name }) => [name, typed[name]])) as unknown as ShippingAddress;
  }

  /** A customer's email stands in the form until another is typed. */
  private typedOrKnown(): Details {
    return session.value ? { email: session.value.email, ...this.details } : this.details;
  }

  private addressFields(): Asked[] {
    return addressFields(this.countries, this.details.country);
  }

  private trimmed(): Details {
    return Object.fromEntries(Object.entries(this.typedOrKnown()).map(([name, value]) => [name, value.trim()]));
  }

  private async place(checkout: Checkout, shown: Cart | null = null): Promise<void> {
    this.isSending = true;
    this.trouble = null;
    try {
      const order = await submit(checkout);
      if (this.isToKeep && this.chosen === ANOTHER) void keep(this.address());
      void reloadCart();
      navigate(`/orders/${order.order_id}`, { replace: true });
    } catch (error) {
      this.explain(error, shown);
    } finally {
      this.isSending = false;
    }
  }

  private explain(error: unknown, shown: Cart | null): void {
    if (!(error instanceof Problem)) {
      const text = error instanceof AuthError ? error.message : 'The order could not be sent.';
      this.trouble = { text, isRetry: true };
      return;
    }
    if (error.isUncertain) {
      const text = 'We did not hear back. Your order is either placed or not, never twice: trying again is safe.';
      this.trouble = { text, isRetry: true };
      return;
    }
    const beside = Object.fromEntries(error.errors.map(({ field, message }) => [field.split('.').at(-1)!, message]));
    if (this.errors.show(beside)) return;
    this.trouble = troubleOf(error, shown);
    if (this.trouble.toCart || this.trouble.changes || this.trouble.orderId) void loadCart();
  }
}

/** The order is placed already, so the buyer is only informed of a failure. */
async function keep(address: ShippingAddress): Promise<void> {
  await keepAddress({ address, is_default: false }).catch((error: Error) => say(`Address not kept. ${error.message}`, 'bad'));
}

const isFree = (shown: Cart) => shown.total.amount === 0;

const alreadyOrdered = (orderId: string) => html`
  <div role="alert" data-testid="already-ordered">
    ${emptyState({
      art: 'paper',
      title: 'Already ordered',
      text: 'This cart became an order in another tab or on another device. It was not ordered twice.',
      action: html`<a class="button" href="/orders/${orderId}">See that order</a>`,
    })}
  </div>
`;

const empty = emptyState({
  art: 'carry',
  title: 'Nothing to check out',
  text: 'Your cart is empty. The shelves are not.',
  action: html`<a class="button" href="/">Look around the shop</a>`,
});
