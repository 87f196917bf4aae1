/**
 * Types of the API's answers and bodies, by route: generated from the OpenAPI document, so a route whose answer changes
 * fails the check of the pages.
 */
import type { components, paths } from './generated/openapi';

type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';
type Json<T> = T extends { content: { 'application/json': infer Content } } ? Content : never;
type Success<Responses> = { [Status in keyof Responses]: Status extends 200 | 201 | 202 ? Json<Responses[Status]> : never }[keyof Responses];

/** What a route answers when it succeeds. */
export type Answer<Path extends keyof paths, M extends Method = 'get'> = paths[Path][M] extends { responses: infer Responses }
  ? Success<Responses>
  : never;
/** What a route takes as its body. */
export type Body<Path extends keyof paths, M extends Method> = paths[Path][M] extends { requestBody?: infer Given } ? Json<NonNullable<Given>> : never;

/** One page of a list. */
export interface List<T> {
  items: T[];
  next_cursor: string | null;
}

export type Product = Answer<'/products/{sku}'>;
export type Money = Product['price'];
export type Category = Answer<'/categories'>['items'][number];

export type Cart = Answer<'/cart'>;
export type CartLine = Cart['lines'][number];
export type ClaimedCart = Answer<'/cart/claim', 'post'>;
/** What a merge of two carts had no room for. */
export type LeftOver = ClaimedCart['not_taken_over'][number];

/** A country that the shop ships to. Null is a part that its addresses lack; `order` is that of the others. */
export type Country = Answer<'/shipping/countries'>['items'][number];
/** A part of an address, and what its country calls it. */
export type AddressPart = NonNullable<Country['city']>;

export type Checkout = Body<'/orders', 'post'>;
export type ShippingAddress = Checkout['shipping_address'];
export type PlacedOrder = Answer<'/orders', 'post'>;
export type OrderSummary = Answer<'/orders'>['items'][number];
export type Order = Answer<'/orders/{order_id}'>;
export type Status = Order['status'];
export type Reason = NonNullable<Order['reason']>;
export type OrderLine = Order['lines'][number];
/** How the buyer confirms the payment: at the bank's page, or with Stripe.js on ours. */
export type NextAction = NonNullable<NonNullable<Order['payment']>['next_action']>;
export type OrderDocument = Answer<'/orders/{order_id}/documents'>['items'][number];

export type OrderReturn = Order['returns'][number];
export type ReturnLine = OrderReturn['lines'][number];
export type ReturnReceipt = Answer<'/orders/{order_id}/return', 'post'>;

/** A step of the funnel that the browser counts. */
export type Step = Body<'/steps', 'post'>['step'];

export type FieldError = NonNullable<components['schemas']['Problem']['errors']>[number];
/** Further members of some problem documents: `quote` with `total_changed`, `order_id` with `cart_already_ordered`. */
export type ProblemMembers = components['schemas']['NewQuote'] & components['schemas']['OrderedBefore'];
export type Quote = NonNullable<ProblemMembers['quote']>;
