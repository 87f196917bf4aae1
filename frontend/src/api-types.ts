/** Short names for the types of the API, which `npm run types` generates from the OpenAPI document. */
import type { components } from './generated/openapi';

export type Schemas = components['schemas'];

/** One page of a list. */
export interface List<T> {
  items: T[];
  next_cursor: string | null;
}

export type Money = Schemas['Money'];
export type Product = Schemas['ProductView'];
export type Category = Schemas['Category'];

export type Cart = Schemas['CartView'];
export type CartLine = Schemas['CartLine'];
export type ClaimedCart = Schemas['ClaimedCart'];
/** What a merge of two carts had no room for. */
export type LeftOver = Schemas['LeftOver'];
export type Quote = Schemas['Quote'];

/** A country that the shop ships to. Null is a part that its addresses lack; `order` is that of the others. */
export type Country = Schemas['CountryList']['items'][number];
/** A part of an address, and what its country calls it. */
export type AddressPart = Schemas['PartView'];
export type Address = Schemas['Address'];

export type ShippingAddress = Schemas['ShippingAddress'];
export type Checkout = Schemas['CheckoutRequest'];
export type PlacedOrder = Schemas['OrderAccepted'];
export type Status = Schemas['Status'];
export type Reason = Schemas['Reason'];
export type Order = Schemas['OrderView'];
export type OrderSummary = Schemas['OrderSummary'];
export type OrderLine = Schemas['LineView'];
/** How the buyer confirms the payment: at the bank's page, or with Stripe.js on ours. */
export type NextAction = Schemas['NextAction'];
export type OrderDocument = Schemas['DocumentView'];

export type ReturnLine = Schemas['ReturnLine'];
export type OrderReturn = Schemas['ReturnView'];
export type ReturnReceipt = Schemas['ReturnAccepted'];

/** A step of the funnel that the browser counts. */
export type Step = Schemas['StepTaken']['step'];

export type FieldError = Schemas['FieldError'];
/** Further members of some problem documents: `quote` with `total_changed`, `order_id` with `cart_already_ordered`. */
export type ProblemMembers = Schemas['NewQuote'] & Schemas['OrderedBefore'];
