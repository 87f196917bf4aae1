import { html, nothing } from 'lit';
import type { Cart, Money, Problem, Quote } from '../api';
import { formatMoney } from '../money';

/** Why an order was not placed, and what the buyer can do about it. */
export interface Trouble {
  text: string;
  isRetry?: boolean;
  toCart?: boolean;
  /** Lines whose price or quantity is another one than was shown. */
  changes?: Change[];
  /** The order that this cart became in another tab or on another device. */
  orderId?: string;
}

interface Change {
  name: string;
  before: Money | null;
  now: Money | null;
}

/** What to say when the shop refuses the whole order rather than one field. */
const REFUSALS: Record<string, string> = {
  cart_empty: 'Your cart is empty now. Perhaps this order went through in another window?',
  out_of_stock: 'Somebody was faster: part of your cart is no longer there. Please look at the cart again.',
  product_unavailable: 'Something in your cart is no longer sold. Please look at the cart again.',
  idempotency_conflict: 'This order was already sent with other details. Please check “Your orders” before you try again.',
};

/** `shown` is the cart as it was on screen when the button was pressed. */
export function troubleOf({ code, message, members }: Problem, shown: Cart | null): Trouble {
  if (code === 'cart_already_ordered') return { text: 'This cart was ordered already.', orderId: members.order_id ?? undefined };
  if (code === 'total_changed' && members.quote && shown) return priceChange(members.quote, shown);
  if (code === 'total_too_small') return { text: `${message} Please add something.`, toCart: true };
  if (code === 'total_too_large') return { text: `${message} Please split it into several orders.`, toCart: true };
  return { text: REFUSALS[code] ?? message, toCart: code in REFUSALS };
}

function priceChange(quote: Quote, shown: Cart): Trouble {
  const text =
    `The total is ${formatMoney(quote.total)} now; it was ${formatMoney(shown.total)} when you last looked. ` +
    'Nothing has been ordered. If the new total is fine, place the order again.';
  const before = new Map(shown.lines.map((line) => [line.sku, line]));
  const now = new Map(quote.lines.map((line) => [line.sku, line]));
  const changes = [...new Set([...before.keys(), ...now.keys()])].map((sku) => ({
    name: (now.get(sku) ?? before.get(sku))!.name,
    before: before.get(sku)?.total ?? null,
    now: now.get(sku)?.total ?? null,
  }));
  return { text, changes: changes.filter((change) => change.before?.amount !== change.now?.amount) };
}

/** `mayLead` to the cart, unless something beside it does so already. */
export const troubleNote = ({ text, isRetry, toCart, changes }: Trouble, mayLead = true) => html`
  <div class="notice notice-bad">
    <p>${text}</p>
    ${changes?.length ? html`<ul class="price-changes">${changes.map(change)}</ul>` : nothing}
    ${isRetry ? html`<button class="text-link">Try again</button>` : nothing}
    ${toCart && mayLead ? html`<a class="text-link" href="/cart">Go to the cart</a>` : nothing}
  </div>
`;

const change = ({ name, before, now }: Change) => html`
  <li>
    <span>${name}</span>
    <span class="price">
      <span class="visually-hidden">was</span> <s>${before ? formatMoney(before) : 'not in the cart'}</s>
      <span class="visually-hidden">, is now</span> <strong>${now ? formatMoney(now) : 'not in the cart'}</strong>
    </span>
  </li>
`;
