/** Stripe.js: the card form and the bank's question. Fetched only where a real Stripe account is configured. */
import type { Money, ShippingAddress } from './api';
import { currentTheme } from './theme';

interface Elements {
  create(kind: 'payment', options?: object): { mount(host: HTMLElement): void; on(event: 'change', then: () => void): void };
  submit(): Promise<{ error?: { message?: string } }>;
}

interface Stripe {
  elements(options: object): Elements;
  handleNextAction(request: { clientSecret: string }): Promise<{ error?: { message?: string } }>;
  createPaymentMethod(request: object): Promise<{ paymentMethod?: { id: string }; error?: { message?: string } }>;
}

declare global {
  interface Window {
    Stripe?: (publishableKey: string) => Stripe;
  }
}

export interface CardForm {
  /** The id of a PaymentMethod for what was typed; the same id until something else is typed. */
  paymentMethod(email: string, address: ShippingAddress): Promise<string>;
}

export async function mountCardForm(host: HTMLElement, publishableKey: string, total: Money): Promise<CardForm> {
  const stripe = (await loadStripe())(publishableKey);
  const elements = stripe.elements({
    mode: 'payment',
    amount: total.amount,
    currency: total.currency.toLowerCase(),
    paymentMethodCreation: 'manual',
    captureMethod: 'manual',
    paymentMethodTypes: ['card'],
    appearance: { theme: currentTheme() === 'dark' ? 'night' : 'stripe' },
  });
  const form = elements.create('payment');
  let known: string | null = null;
  form.on('change', () => (known = null));
  form.mount(host);

  return {
    async paymentMethod(email, address) {
      if (known) return known;
      const checked = await elements.submit();
      if (checked.error) throw new Error(checked.error.message ?? 'Please check the card details.');
      const { name, line1, line2, city, region: state, postal_code, country } = address;
      const { paymentMethod, error } = await stripe.createPaymentMethod({
        elements,
        params: { billing_details: { name, email, address: { line1, line2, city, state, postal_code, country } } },
      });
      if (!paymentMethod) throw new Error(error?.message ?? 'The card could not be read.');
      known = paymentMethod.id;
      return known;
    },
  };
}

/**
 * Has the buyer confirm a payment that their bank asks about: in a window on this page, or by going to the bank. What
 * came of it the shop learns from Stripe; an error is shown as what it means for the buyer.
 */
export async function confirmAtBank(publishableKey: string, clientSecret: string): Promise<void> {
  const stripe = (await loadStripe())(publishableKey);
  const { error } = await stripe.handleNextAction({ clientSecret });
  if (error) throw new Error(error.message ?? 'Your bank could not confirm that it was you.');
}

let loading: Promise<NonNullable<Window['Stripe']>> | undefined;

function loadStripe(): Promise<NonNullable<Window['Stripe']>> {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = 'https://js.stripe.com/v3';
    script.onload = () => (window.Stripe ? resolve(window.Stripe) : reject(new Error('Stripe did not start.')));
    script.onerror = () => {
      loading = undefined;
      script.remove();
      reject(new Error('The card form could not be loaded.'));
    };
    document.head.append(script);
  });
  return loading;
}
