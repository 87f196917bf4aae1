/** Every call of the buyer's pages to the shop's API. */
import { askedOnce } from './asked-once';
import { idToken } from './auth';
import type {
  Answer, Cart, Category, Checkout, ClaimedCart, Country, LeftOver, List, Order, OrderDocument, OrderSummary, PlacedOrder, Product, ReturnLine, ReturnReceipt,
  Step,
} from './api-types';
import { anyone, asked, cartToken, isOfLostCart, Problem, shopper, signedIn, type Options } from './request';
import type { Selection } from './selection';
import { SHOP } from './shop';
import { allItems } from './pager';
import { onThisDevice, Stored } from './storage';

export type * from './api-types';
export { Problem } from './request';

const EMPTY_CART: Cart = { lines: [], total: { amount: 0, currency: SHOP.currency }, expires_at: null, cart_token: null };

const orderTokens = new Stored<Record<string, string>>('saga.order-tokens', onThisDevice);

/** Products seen in a list, so that their own page has something to show at once. */
export const seenProducts = new Map<string, Product>();

// catalog

export type ProductPage = Answer<'/products'>;
export interface ProductFilter extends Selection {
  category?: string;
  q?: string;
  cursor?: string | null;
}

/** How many pages in a row may be empty before the visitor is asked whether to go on. */
const MOST_EMPTY_PAGES = 4;

/** A page of products. The API may answer an empty page in the middle of a filtered list: it is passed over. */
export async function listProducts(filter: ProductFilter, signal?: AbortSignal): Promise<ProductPage> {
  let { cursor } = filter;
  for (let asked = 1; ; asked++) {
    const query = new URLSearchParams();
    for (const [key, value] of Object.entries({ ...filter, cursor })) if (value || value === 0) query.set(key, String(value));
    const page = await anyone<ProductPage>(`/products?${query}`, { signal });
    for (const product of page.items) seenProducts.set(product.sku, product);
    cursor = page.next_cursor;
    if (page.items.length || !cursor || asked === MOST_EMPTY_PAGES) return page;
  }
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

export const listCountries = askedOnce(async () => (await anyone<List<Country>>('/shipping/countries')).items);

/** All of them, however many pages that takes. */
export const listCategories = askedOnce(() => allItems<Category>((cursor) => anyone(`/categories${cursor ? `?cursor=${encodeURIComponent(cursor)}` : ''}`)));

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

export function cancelOrder(id: string): Promise<Answer<'/orders/{order_id}/cancel', 'post'>> {
  return owner(id, '/cancel', { method: 'POST' });
}

/** Has the shop ask how a payment stands that its buyer had to confirm. Harmless to repeat. */
export function confirmPayment(id: string): Promise<Answer<'/orders/{order_id}/payment/confirmation', 'post'>> {
  return owner(id, '/payment/confirmation', { method: 'POST' });
}

export function returnOrder(id: string, lines: ReturnLine[], idempotencyKey: string): Promise<ReturnReceipt> {
  return owner(id, '/return', { method: 'POST', body: { lines }, headers: { 'Idempotency-Key': idempotencyKey } });
}

/** The order's invoice and credit notes, oldest first. */
export async function listDocuments(id: string, signal?: AbortSignal): Promise<OrderDocument[]> {
  return (await owner<List<OrderDocument>>(id, '/documents', { signal })).items;
}

/** Where a document of the order can be read, for a few minutes. */
export async function documentUrl(id: string, number: string): Promise<string> {
  const { url } = await owner<Answer<'/orders/{order_id}/documents/{number}'>>(id, `/documents/${encodeURIComponent(number)}`, {});
  return url;
}

/** The customer's points. */
export async function getPoints(signal?: AbortSignal): Promise<number> {
  const { points } = await shopper<Answer<'/me/points'>>('/me/points', { signal });
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

// email preferences

export async function wantsReminders(signal?: AbortSignal): Promise<boolean> {
  const { cart_reminders } = await signedIn<Answer<'/me/email-preferences'>>('/me/email-preferences', { signal });
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

// funnel

/** Counts a step anonymously, also if the page is left at once. */
export function reportStep(step: Step): void {
  void asked('/steps', { method: 'POST', body: { step, variant: dealtVariant() } }).catch(() => undefined);
}

/** The half of the experiment that the edge dealt this visitor, if it did. */
const dealtVariant = () => document.cookie.match(/(?:^|;\s*)saga_ab=([ab])(?:;|$)/)?.[1] ?? null;

// calls of an order's owner

/** Sends the order's token. An expired link is forgotten; the signed-in customer may still be the owner. */
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

