/** A batch of orders for the lab: what each buyer wants is drawn first, then they come, a few at once. */
import { Problem } from '../api';
import { sleep } from '../follow';
import { Store } from '../store';
import { cancelAsGuest, fillCartAsGuest, type GuestOrder, type Wish } from './api';

/** Percent of the orders. An order has one card and one way through the warehouse; else it may be in several. */
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

export interface Progress {
  wanted: number;
  placed: number;
  /** Refusals of the API, by their code. */
  refused: Record<string, number>;
  cancelled: number;
  tooLate: number;
  /** Checkouts that were sent twice, and those of them that were not both answered with one and the same order. */
  doubled: number;
  torn: Torn[];
  isRunning: boolean;
}

/** What each of the two copies of one checkout was answered with: an order's id, or a refusal's code. */
export type Torn = [string, string];

const NOTHING_YET: Progress = { wanted: 0, placed: 0, refused: {}, cancelled: 0, tooLate: 0, doubled: 0, torn: [], isRunning: false };

export const MOST_ORDERS = 300;
export const MOST_AT_ONCE = 8;
const LONGEST_DOUBT_MS = 3_000;
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

/** Of what every order that is completed comes to, so that nearly everybody who is to be put off is. */
const THROTTLES = ['confirm_rateLimited', 'capture_rateLimited'];

/** Those that pass: an operation that fails for ever would need a person. Being put off has a share of its own. */
export const FAULTS = [
  ...OPERATIONS.flatMap((operation) => KINDS.map((kind) => `${operation}_${kind}`)),
  'confirm_holdExpires',
  'capture_holdExpires',
];

interface Plan {
  wish: Wish;
  changesTheirMind: boolean;
  clicksTwice: boolean;
}

/** Each share of exactly as many orders as it says, drawn anew each time. */
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

/** What each order gets, one thing or null; where the shares are more than all orders, those that come last get fewer. */
function dealt<T>(orders: number, shares: [number, () => T][]): (T | null)[] {
  const hands = shares.flatMap(([share, draw]) => Array.from({ length: Math.round((orders * share) / 100) }, draw));
  return shuffled(indexes(orders).map((place) => hands[place] ?? null));
}

export class Batch {
  readonly progress = new Store(NOTHING_YET);
  private stopping = new AbortController();

  /** Ends when every buyer has come, or after `stop`. */
  async run(order: Order, skus: string[]): Promise<void> {
    this.stopping = new AbortController();
    const { signal } = this.stopping;
    const waiting = plan(order, skus);
    this.progress.value = { ...NOTHING_YET, wanted: waiting.length, isRunning: true };
    const doubts: Promise<void>[] = [];
    const till = async () => {
      for (let next = waiting.pop(); next && !signal.aborted; next = waiting.pop()) doubts.push(...(await this.serve(next, signal)));
    };
    await Promise.all(Array.from({ length: order.atOnce }, till));
    await Promise.all(doubts);
    this.note({ isRunning: false });
  }

  stop(): void {
    this.stopping.abort();
  }

  /** Returns the buyer's doubt, if they have one: it is not waited for. */
  private async serve({ wish, changesTheirMind, clicksTwice }: Plan, signal: AbortSignal): Promise<Promise<void>[]> {
    try {
      const click = await fillCartAsGuest(wish, signal);
      const order = await (clicksTwice ? this.twice(click) : click());
      this.note({ placed: this.progress.value.placed + 1 });
      return changesTheirMind ? [this.doubt(order, signal)] : [];
    } catch (error) {
      if (!signal.aborted) this.refuse(error);
      return [];
    }
  }

  /** At the same moment. Both answers have to name one order; if both are refusals, there is no order to name. */
  private async twice(click: () => Promise<GuestOrder>): Promise<GuestOrder> {
    const clicked = [click(), click()];
    const order = await Promise.any(clicked).catch(() => clicked[0]);
    const [one, other] = await Promise.all(clicked.map((answer) => answer.then(({ order_id }) => order_id, codeOf)));
    const { doubled, torn } = this.progress.value;
    this.note({ doubled: doubled + 1, torn: one === other ? torn : [...torn, [one, other]] });
    return order;
  }

  private async doubt(order: GuestOrder, signal: AbortSignal): Promise<void> {
    await sleep(Math.random() * LONGEST_DOUBT_MS, signal);
    if (signal.aborted) return;
    try {
      await cancelAsGuest(order, signal);
      this.note({ cancelled: this.progress.value.cancelled + 1 });
    } catch (error) {
      if (error instanceof Problem && error.status === 409) this.note({ tooLate: this.progress.value.tooLate + 1 });
      else if (!signal.aborted) this.refuse(error);
    }
  }

  private refuse(error: unknown): void {
    const code = codeOf(error);
    const { refused } = this.progress.value;
    this.note({ refused: { ...refused, [code]: (refused[code] ?? 0) + 1 } });
  }

  private note(changes: Partial<Progress>): void {
    this.progress.value = { ...this.progress.value, ...changes };
  }
}

const codeOf = (error: unknown) => (error instanceof Problem ? error.code : 'unknown');
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
