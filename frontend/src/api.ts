/** Every call to the shop's API, and the shapes of its answers. */
import { askedOnce } from './asked-once';
import { forgetIdToken, idToken } from './auth';
import { config } from './config';
import { onThisDevice, Stored } from './storage';

export interface Money {
  amount: number;
  currency: string;
}

export interface Product {
  sku: string;
  name: string;
  description: string;
  price: Money;
  category: string;
  image: string;
  /** Further pictures, in the order of the gallery. */
  images: string[];
  available: number;
  /** No longer sold. */
  archived: boolean;
}

export interface Category {
  id: string;
  name: string;
}

export interface List<T> {
  items: T[];
  next_cursor: string | null;
}

interface Line {
  sku: string;
  name: string;
  image: string;
  quantity: number;
  unit_price: Money;
  total: Money;
}

export interface CartLine extends Omit<Line, 'unit_price'> {
  /** Null where the catalog does not know the product any more. */
  unit_price: Money | null;
  available: number;
  /** Not sold any more: it counts nothing, and can only be removed. */
  unavailable: boolean;
}

export interface Cart {
  lines: CartLine[];
  total: Money;
  expires_at: string | null;
  cart_token?: string;
}

/** What a merge of two carts had no room for. */
export interface LeftOver {
  sku: string;
  quantity: number;
}

interface ClaimedCart extends Cart {
  not_taken_over: LeftOver[];
}

export interface Quote {
  lines: Line[];
  total: Money;
}

export interface Address {
  name: string;
  line1: string;
  line2?: string;
  city?: string;
  region?: string;
  postal_code?: string;
  country: string;
}

/** A part of an address, and what its country calls it. */
export interface AddressPart {
  kind: string;
  required: boolean;
}

/** A country that the shop ships to. Null is a part that its addresses lack; `order` is that of the others. */
export interface Country {
  country: string;
  city: AddressPart | null;
  region: (AddressPart & { options: { code: string; name: string }[] }) | null;
  postal_code: (AddressPart & { pattern: string | null; examples: string[] }) | null;
  order: ('city' | 'region' | 'postal_code')[];
}

export interface Checkout {
  email?: string;
  shipping_address: Address;
  /** Absent where there is nothing to pay. */
  payment_method?: string;
  /** The total on screen when the buyer pressed the button. */
  expected_total: Money;
}

export type Status =
  | 'PLACED'
  | 'RESERVED'
  | 'ACTION_REQUIRED'
  | 'AUTHORIZED'
  | 'SHIPPING'
  | 'COMPLETED'
  | 'CANCELLED'
  | 'RETURNED';
export type Reason =
  | 'OUT_OF_STOCK'
  | 'PAYMENT_DECLINED'
  | 'SHIPPING_FAILED'
  | 'CUSTOMER_REQUEST'
  | 'FULFILMENT_FAILED';

export interface PlacedOrder {
  order_id: string;
  status: Status;
  total: Money;
  order_token?: string;
}

export interface OrderLine extends Line {
  /** Pieces already sent back or being sent back. */
  returned?: number;
}

export interface OrderSummary {
  order_id: string;
  status: Status;
  reason: Reason | null;
  placed_at: string;
  lines: OrderLine[];
  total: Money;
  history: { at: string; status: Status }[];
  /** The buyer asked to cancel, and the order has not ended yet. */
  cancel_requested?: boolean;
}

export interface ReturnLine {
  sku: string;
  quantity: number;
}

export interface OrderReturn {
  id: string;
  /** REFUND_FAILED: the refund did not arrive, and will be made again. */
  status: 'REQUESTED' | 'REFUNDED' | 'REFUND_FAILED';
  requested_at: string;
  lines: ReturnLine[];
  refund: Money;
  /** Why less than the pieces cost was refunded. */
  shortfall?: 'REFUNDED_BEFORE' | 'CAPTURED_LESS' | 'DISPUTE_LOST' | null;
}

export interface ReturnReceipt {
  order_id: string;
  return_id: string;
  refund: Money;
}

/** How the buyer confirms the payment: at the bank's page, or with Stripe.js on ours. */
export interface NextAction {
  redirect_url: string | null;
  client_secret: string | null;
  expires_at: string;
}

export interface Order extends OrderSummary {
  email: string;
  shipping_address: Address;
  /** The address as lines, in the order of its country. */
  shipping_label: string[];
  /** Amounts in minor units of `currency`. */
  payment: {
    status: string;
    currency: string;
    amount: number;
    captured: number;
    refunded: number;
    /** What a bank gave back to the card's holder for good. */
    lost?: number;
    /** What a bank has taken until it decides a dispute. */
    withdrawn?: number;
    /** What was refunded and did not arrive. */
    refund_failed?: number;
    decline_code?: string | null;
    /** While the payment waits for its buyer, and for nobody else. */
    next_action?: NextAction | null;
    /** The buyer's bank is looking into the charge. */
    disputed?: boolean;
  } | null;
  shipment: { status: string; carrier?: string | null; tracking_number?: string | null } | null;
  /** What its owner may ask for now; absent where the shop does not offer it. */
  actions?: ('cancel' | 'return')[];
  returns?: OrderReturn[];
}

export interface FieldError {
  field: string;
  message: string;
}

/** What some problems say besides. */
interface ProblemMembers {
  /** With `total_changed`: what the cart costs now. */
  quote?: Quote;
  /** With `cart_already_ordered`: the order that the cart became. */
  order_id?: string;
}

/** An RFC 9457 problem, or status 0 when no answer came at all. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly errors: FieldError[] = [],
    readonly members: ProblemMembers = {},
  ) {
    super(message);
  }

  get isUnreachable(): boolean {
    return this.status === 0;
  }

  /** True when the server may have done the work although we never heard so. */
  get isUncertain(): boolean {
    return this.status === 0 || this.status >= 500 || this.code === 'checkout_busy';
  }
}

export interface Options {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

const PATIENCE_MS = 20_000;
const EMPTY_CART: Cart = { lines: [], total: { amount: 0, currency: 'EUR' }, expires_at: null };

const cartToken = new Stored<string>('saga.cart-token', onThisDevice);
const orderTokens = new Stored<Record<string, string>>('saga.order-tokens', onThisDevice);

/** Products seen in a list, so that their own page has something to show at once. */
export const seenProducts = new Map<string, Product>();

// catalog

export async function listProducts(
  filter: { category?: string; q?: string; cursor?: string | null },
  signal?: AbortSignal,
): Promise<List<Product>> {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(filter)) if (value) query.set(key, value);
  const page = await anyone<List<Product>>(`/products?${query}`, { signal });
  for (const product of page.items) seenProducts.set(product.sku, product);
  return page;
}

export function getProduct(sku: string, signal?: AbortSignal): Promise<Product> {
  return anyone(`/products/${encodeURIComponent(sku)}`, { signal });
}

/** What others bought together with it, at most four; often nothing yet. */
export async function listAlsoBought(sku: string, signal?: AbortSignal): Promise<Product[]> {
  const { items } = await anyone<List<Product>>(`/products/${encodeURIComponent(sku)}/also-bought`, { signal });
  for (const product of items) seenProducts.set(product.sku, product);
  return items;
}

export const listCountries = askedOnce(async () => (await anyone<{ items: Country[] }>('/shipping/countries')).items);

/** All of them, however many pages that takes. */
export const listCategories = askedOnce(() => everyItem<Category>((cursor) => anyone(`/categories${cursor ? `?cursor=${encodeURIComponent(cursor)}` : ''}`)));

/** Follows a list's cursors to its end. */
async function everyItem<T>(page: (cursor: string | null) => Promise<List<T>>): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | null = null;
  do {
    const found: List<T> = await page(cursor);
    items.push(...found.items);
    cursor = found.next_cursor;
  } while (cursor);
  return items;
}

// cart

export const hasGuestCart = () => cartToken.get() !== null;

export async function getCart(): Promise<Cart> {
  if (!(await idToken()) && !hasGuestCart()) return EMPTY_CART;
  return shopper('/cart');
}

export function putCartItem(sku: string, quantity: number): Promise<Cart> {
  return shopper(`/cart/items/${encodeURIComponent(sku)}`, { method: 'PUT', body: { quantity } });
}

export function deleteCartItem(sku: string): Promise<Cart> {
  return shopper(`/cart/items/${encodeURIComponent(sku)}`, { method: 'DELETE' });
}

/** Hands the guest's cart over to the customer who has just signed in, as far as there is room for it. */
export async function claimCart(): Promise<{ cart: Cart; left: LeftOver[] }> {
  const token = cartToken.get();
  if (!token) return { cart: await getCart(), left: [] };
  try {
    const cart = await shopper<ClaimedCart>('/cart/claim', { method: 'POST', headers: { 'X-Cart-Token': token } });
    // What is left stays in the guest's cart, so its token is kept for a later claim.
    if (!cart.not_taken_over.length) cartToken.set(null);
    return { cart, left: cart.not_taken_over };
  } catch (error) {
    if (!isOfLostCart(error)) throw error;
    cartToken.set(null);
    return { cart: await getCart(), left: [] };
  }
}

// orders

export async function placeOrder(checkout: Checkout, idempotencyKey: string): Promise<PlacedOrder> {
  const order = await shopper<PlacedOrder>('/orders', {
    method: 'POST',
    body: checkout,
    headers: { 'Idempotency-Key': idempotencyKey, ...(dealtVariant() && { 'X-Variant': dealtVariant()! }) },
  });
  if (order.order_token) orderTokens.set({ ...orderTokens.get(), [order.order_id]: order.order_token });
  return order;
}

export function listOrders(cursor?: string | null, signal?: AbortSignal): Promise<List<OrderSummary>> {
  return shopper(cursor ? `/orders?cursor=${encodeURIComponent(cursor)}` : '/orders', { signal });
}

export function getOrder(id: string, signal?: AbortSignal): Promise<Order> {
  return owner(id, '', { signal });
}

export function cancelOrder(id: string): Promise<unknown> {
  return owner(id, '/cancel', { method: 'POST' });
}

/** Has the shop ask how a payment stands that its buyer had to confirm. Harmless to repeat. */
export function confirmPayment(id: string): Promise<unknown> {
  return owner(id, '/payment/confirmation', { method: 'POST' });
}

export function returnOrder(id: string, lines: ReturnLine[], idempotencyKey: string): Promise<ReturnReceipt> {
  return owner(id, '/return', { method: 'POST', body: { lines }, headers: { 'Idempotency-Key': idempotencyKey } });
}

export interface OrderDocument {
  number: string;
  kind: 'INVOICE' | 'CREDIT_NOTE' | 'REVERSAL';
  order_id: string;
  /** A day of the shop's time zone. */
  issued_on: string;
  total: Money;
  cause: 'RETURN' | 'REFUND' | 'DISPUTE_LOST' | 'REFUND_FAILED' | null;
  refers_to: string | null;
}

/** The order's invoice and credit notes, oldest first. */
export async function listDocuments(id: string, signal?: AbortSignal): Promise<OrderDocument[]> {
  return (await owner<List<OrderDocument>>(id, '/documents', { signal })).items;
}

/** Where a document of the order can be read, for a few minutes. */
export async function documentUrl(id: string, number: string): Promise<string> {
  const { url } = await owner<{ url: string }>(id, `/documents/${encodeURIComponent(number)}`, {});
  return url;
}

/** The customer's points. */
export async function getPoints(signal?: AbortSignal): Promise<number> {
  const { points } = await shopper<{ points: number }>('/me/points', { signal });
  return points;
}

/** What proves that an order may be followed: its own token, or else the customer's. */
export async function orderToken(id: string): Promise<string | null> {
  return orderTokens.get()?.[id] ?? idToken();
}

/**
 * Keeps the signed link of an email in this browser, if the address carries one. It stands in the fragment, which no server
 * is sent, and is taken out of the address and the history at once. The token of the browser that ordered outlives it.
 */
export function adoptLink(id: string): void {
  const link = new URLSearchParams(location.hash.slice(1)).get('link');
  if (!link) return;
  history.replaceState(history.state, '', location.pathname + location.search);
  const known = orderTokens.get()?.[id];
  if (!known || known.startsWith('link_')) orderTokens.set({ ...orderTokens.get(), [id]: link });
}

function forgetOrderToken(id: string): void {
  const { [id]: _, ...others } = orderTokens.get() ?? {};
  orderTokens.set(others);
}

/** Has a new link emailed, if there is such an order and it was placed with this address. */
export async function findOrder(id: string, email: string): Promise<void> {
  await asked('/orders/find', { method: 'POST', body: { order_id: id, email } });
}

/** Orders that were placed without an account, with the customer's confirmed address. */
export function listClaimable(signal?: AbortSignal): Promise<List<OrderSummary>> {
  return signedIn('/orders/claimable', { signal });
}

export async function claimOrders(ids: string[]): Promise<void> {
  await signedIn('/orders/claim', { method: 'POST', body: { order_ids: ids } });
}

// emails that somebody may want or not

export async function wantsReminders(signal?: AbortSignal): Promise<boolean> {
  const { cart_reminders } = await signedIn<{ cart_reminders: boolean }>('/me/email-preferences', { signal });
  return cart_reminders;
}

export async function setReminders(cart_reminders: boolean): Promise<void> {
  await signedIn('/me/email-preferences', { method: 'PUT', body: { cart_reminders } });
}

/** By the link of an email, without signing in. */
export async function unsubscribe(token: string): Promise<void> {
  await asked(`/unsubscribe/${encodeURIComponent(token)}`, { method: 'POST' });
}

/** Orders placed without an account in this browser, newest first. */
export const guestOrderIds = () => Object.keys(orderTokens.get() ?? {}).reverse();

// what the shop is told of a visit

export type Step = 'visit' | 'cart' | 'checkout';

/** Counted without a word about who it is. Who leaves the page at once is counted too. */
export function tellStep(step: Step): void {
  void asked('/steps', { method: 'POST', body: { step, variant: dealtVariant() } }).catch(() => undefined);
}

/** The half of the experiment that the edge dealt this visitor, if it did. */
const dealtVariant = () => document.cookie.match(/(?:^|;\s*)saga_ab=([ab])(?:;|$)/)?.[1] ?? null;

// how a call is made

/** A link that opens the order no more is forgotten; whoever is signed in may still be its owner. */
async function owner<T>(id: string, action: string, options: Options): Promise<T> {
  const path = `/orders/${encodeURIComponent(id)}${action}`;
  const token = orderTokens.get()?.[id];
  if (!token) return shopper(path, options);
  try {
    return await anyone(path, { ...options, headers: { ...options.headers, 'X-Order-Token': token } });
  } catch (error) {
    if (!(error instanceof Problem) || !error.code.startsWith('link_')) throw error;
    forgetOrderToken(id);
    if (!(await idToken())) throw error;
    return shopper(path, options);
  }
}

/** Sends who is shopping: the customer's token, or else the guest's cart token. */
async function shopper<T>(path: string, options: Options = {}): Promise<T> {
  const token = await idToken();
  return token ? customer(token, path, options) : guest(path, options);
}

/** A call of somebody who has to be signed in; the console's, in src/admin/api.ts. */
export async function signedIn<T>(path: string, options: Options = {}): Promise<T> {
  const token = await idToken();
  if (!token) throw new Problem(401, 'sign_in_required', 'Please sign in again.');
  return customer(token, path, options);
}

/** A guest's cart that has expired is forgotten, and the call starts a new one. */
async function guest<T>(path: string, options: Options): Promise<T> {
  const token = cartToken.get();
  if (!token) return anyone(path, options);
  try {
    return await anyone(path, { ...options, headers: { ...options.headers, 'X-Cart-Token': token } });
  } catch (error) {
    if (!isOfLostCart(error)) throw error;
    cartToken.set(null);
    return anyone(path, options);
  }
}

/** An id token that the API no longer accepts is renewed once. */
async function customer<T>(token: string, path: string, options: Options): Promise<T> {
  const signed = (bearer: string) =>
    anyone<T>(path, { ...options, headers: { ...options.headers, Authorization: `Bearer ${bearer}` } });
  try {
    return await signed(token);
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 401 || isOfLostCart(error)) throw error;
    forgetIdToken();
    const renewed = await idToken();
    if (!renewed) throw error;
    return signed(renewed);
  }
}

const isOfLostCart = (error: unknown) => error instanceof Problem && error.code === 'cart_token_invalid';

async function anyone<T>(path: string, options: Options = {}): Promise<T> {
  const { body, issued } = await asked<T>(path, options);
  if (issued) cartToken.set(issued);
  return body;
}

/** The answer, and the cart's token where one was issued with it. */
export async function asked<T>(path: string, options: Options = {}): Promise<{ body: T; issued: string | null }> {
  const answer = await send(path, options);
  const issued = answer.headers.get('X-Cart-Token');
  const body = await answer.json().catch(() => null);
  if (answer.ok) return { body, issued };
  const problem = body ?? {};
  throw new Problem(
    answer.status,
    problem.code ?? 'unknown',
    problem.detail ?? problem.title ?? 'The shop could not answer that.',
    problem.errors ?? [],
    problem,
  );
}

async function send(path: string, { method = 'GET', body, headers = {}, signal }: Options): Promise<Response> {
  const patience = AbortSignal.timeout(PATIENCE_MS);
  try {
    const { api } = await config();
    return await fetch(api + path, {
      method,
      headers: body === undefined ? headers : { ...headers, 'Content-Type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, patience]) : patience,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(0, 'unreachable', 'The shop cannot be reached right now.');
  }
}
