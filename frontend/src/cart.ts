/** The cart as the page knows it. Writes go out one after the other, so the last click wins. */
import * as api from './api';
import { session } from './auth';
import { took } from './steps';
import { inThisTab, Stored } from './storage';
import { Store } from './store';
import { complain, say } from './toast';

export const MAX_QUANTITY = 20;

export const cart = new Store<api.Cart | null>(null);
export const cartError = new Store<unknown>(null);
/** Something was asked of the cart and is not answered yet, so the total on screen may be an old one. */
export const isCartStale = new Store(false);

/** What the last merge had no room for; it waits in the cart that was filled before signing in. */
export const leftBehind = new Store<api.LeftOver[]>([]);

/** The other tabs of this browser, which show the same cart; a checkout keeps the one that it was opened with. */
const tabs = 'BroadcastChannel' in globalThis ? new BroadcastChannel('saga.cart') : null;
tabs?.addEventListener('message', () => {
  if (location.pathname !== '/checkout') void loadCart();
});

const shownBefore = new Stored<api.LeftOver[]>('saga.left-behind', inThisTab);

let queue: Promise<unknown> = Promise.resolve();
let latest = 0;
/** The latest answer, which is not shown while a later change is under way; null before the first of a session. */
let known: api.Cart | null = null;
let owner = session.value;
/** How many sessions have ended; an answer to a request of an earlier one is dropped. */
let ended = 0;

export const countItems = (shown: api.Cart | null) =>
  shown?.lines.reduce((sum, line) => sum + line.quantity, 0) ?? 0;

const quantityIn = (held: api.Cart | null, sku: string) => held?.lines.find((line) => line.sku === sku)?.quantity ?? 0;

export const quantityOf = (sku: string) => quantityIn(cart.value, sku);

/** What stands between this cart and an order, or null. */
export function obstacle(shown: api.Cart): string | null {
  const gone = shown.lines.filter(({ unavailable }) => unavailable);
  if (gone.length) return `Not sold any more: ${gone.map(({ name }) => name).join(', ')}. Please remove it first.`;
  const isShort = shown.lines.some(({ quantity, available }) => quantity > available);
  return isShort ? 'We have fewer of something than you asked for. Please adjust it first.' : null;
}

let loading: { turn: number; done: Promise<void> } | null = null;

/** Concurrent reads share one request, unless something was written since it was sent. */
export function loadCart(): Promise<void> {
  if (loading?.turn !== latest) {
    const done = load().finally(() => (loading = loading?.done === done ? null : loading));
    loading = { turn: latest, done };
  }
  return loading!.done;
}

async function load(): Promise<void> {
  cartError.value = null;
  try {
    await inTurn(api.getCart);
  } catch (error) {
    cartError.value = error;
  }
}

/** To be called after a change of the cart that was not made here: an order takes everything out. */
export function reloadCart(): Promise<void> {
  tabs?.postMessage(null);
  return loadCart();
}

/** Adds to what is already in the cart, also if that is not shown yet; false when the shop refused. */
export function addToCart(sku: string, quantity: number): Promise<boolean> {
  return attempt(async () => {
    const held = quantityIn(known ?? (await api.getCart()), sku);
    return api.putCartItem(sku, Math.min(MAX_QUANTITY, held + quantity));
  });
}

export function setQuantity(sku: string, quantity: number): Promise<boolean> {
  return attempt(() => api.putCartItem(sku, quantity));
}

export function removeFromCart(sku: string): Promise<boolean> {
  return attempt(() => api.deleteCartItem(sku));
}

async function attempt(write: () => Promise<api.Cart>): Promise<boolean> {
  try {
    await inTurn(write);
    tabs?.postMessage(null);
    if (countItems(cart.value)) took('cart');
    return true;
  } catch (error) {
    complain(error);
    void loadCart();
    return false;
  }
}

function inTurn(call: () => Promise<api.Cart>): Promise<void> {
  const turn = ++latest;
  const before = ended;
  isCartStale.value = true;
  const result = queue.then(call).then((answer) => {
    if (ended === before) known = answer;
    return answer;
  });
  queue = result.catch(() => undefined);
  const isLatest = () => turn === latest;
  return result
    .then((answer) => {
      if (isLatest()) cart.value = answer;
    })
    .finally(() => {
      if (isLatest()) isCartStale.value = false;
    });
}

/** Brings what was left behind over, as far as there is room by now. */
export function claimCart(): Promise<void> {
  return inTurn(async () => {
    const { cart: merged, left } = await api.claimCart();
    leftBehind.value = left;
    if (left.length && JSON.stringify(left) !== JSON.stringify(shownBefore.get())) {
      say('Not everything fitted into your cart. The cart page shows what waits.', 'bad');
    }
    shownBefore.set(left);
    return merged;
  }).finally(() => tabs?.postMessage(null));
}

session.watch(() => {
  // A session that begins while the first read waits for its token shares that read.
  if (owner) {
    ended += 1;
    loading = null;
  }
  owner = session.value;
  cart.value = known = null;
  leftBehind.value = [];
  if (!session.value || !api.hasGuestCart()) return void loadCart();
  claimCart().catch((error) => {
    complain(error);
    void loadCart();
  });
});
