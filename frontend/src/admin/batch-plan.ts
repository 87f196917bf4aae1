/** Batch plan of the lab: which product, card and behavior each of its buyers gets. */
import type { Wish } from './api';

/** Percentages of the orders. An order has one card and one warehouse outcome; it may be in several other shares. */
export interface Shares {
  declined: number;
  throttled: number;
  faulty: number;
  refused: number;
  silent: number;
  cancelled: number;
  doubled: number;
}

export interface Order {
  orders: number;
  atOnce: number;
  shares: Shares;
  /** The faults to draw from, as the payment sandbox names their cards. */
  faults: string[];
}

export const MOST_ORDERS = 300;
export const MOST_AT_ONCE = 8;

const OSLO = { city: 'Oslo', postal_code: '0150', country: 'NO' };
const HAMBURG = { city: 'Hamburg', postal_code: '20457', country: 'DE' };
const PLACES = [
  OSLO,
  OSLO,
  { city: 'Stockholm', postal_code: '111 20', country: 'SE' },
  { city: 'København', postal_code: '1050', country: 'DK' },
  HAMBURG,
  HAMBURG,
  { city: 'Paris', postal_code: '75001', country: 'FR' },
  { city: 'London', postal_code: 'SW1A 1AA', country: 'GB' },
];

const OPERATIONS = ['confirm', 'capture', 'cancel', 'refund'];
const KINDS = ['errorBefore', 'errorAfter', 'timeout', 'slow', 'stickyError', 'stickyErrorAfter'];

/** Operations that every completed order reaches, so that nearly all chosen orders are throttled. */
const THROTTLES = ['confirm_rateLimited', 'capture_rateLimited'];

/** Transient faults: a permanent one would need an operator. Throttling has a share of its own. */
export const FAULTS = [
  ...OPERATIONS.flatMap((operation) => KINDS.map((kind) => `${operation}_${kind}`)),
  'confirm_holdExpires',
  'capture_holdExpires',
];

export interface Plan {
  wish: Wish;
  changesTheirMind: boolean;
  clicksTwice: boolean;
}

/** Plans a batch: each share has exactly its number of orders, chosen at random. */
export function plan({ orders, shares, faults }: Order, skus: string[]): Plan[] {
  const cards = dealt(orders, [
    [shares.declined, () => 'pm_card_visa_chargeDeclined'],
    [shares.throttled, () => faultCard(THROTTLES)],
    [shares.faulty, () => faultCard(faults)],
  ]);
  const warehouse = dealt(orders, [[shares.refused, () => 'sandbox:refuse'], [shares.silent, () => 'sandbox:silent']]);
  const changing = dealt(orders, [[shares.cancelled, () => true]]);
  const doubling = dealt(orders, [[shares.doubled, () => true]]);
  return indexes(orders).map((place) => ({
    wish: { sku: anyOf(skus), card: cards[place] ?? 'pm_card_visa', line2: warehouse[place], livesIn: anyOf(PLACES) },
    changesTheirMind: Boolean(changing[place]),
    clicksTwice: Boolean(doubling[place]),
  }));
}

const faultCard = (faults: string[]) => `pm_card_fault_${anyOf(faults)}`;

/** Deals values to orders, at most one each; if the shares exceed 100 %, the last ones get fewer orders. */
function dealt<T>(orders: number, shares: [number, () => T][]): (T | null)[] {
  const hands = shares.flatMap(([share, draw]) => Array.from({ length: Math.round((orders * share) / 100) }, draw));
  return shuffled(indexes(orders).map((place) => hands[place] ?? null));
}

const indexes = (count: number) => Array.from({ length: count }, (_, place) => place);
const anyOf = <T>(some: T[]): T => some[Math.floor(Math.random() * some.length)];

function shuffled<T>(some: T[]): T[] {
  const all = [...some];
  for (let last = all.length - 1; last > 0; last--) {
    const other = Math.floor(Math.random() * (last + 1));
    [all[last], all[other]] = [all[other], all[last]];
  }
  return all;
}
