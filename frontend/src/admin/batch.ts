/** A batch of orders for the lab: what each buyer wants is drawn first, then they come, a few at once. */
import { Problem } from '../api';
import { sleep } from '../follow';
import { Store } from '../store';
import { buyAsGuest, cancelAsGuest, type Wish } from './api';

/** Percent of the orders; one order may be in several of them. */
export interface Shares {
  declined: number;
  faulty: number;
  refused: number;
  silent: number;
  cancelled: number;
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
  isRunning: boolean;
}

export const MOST_ORDERS = 300;
export const MOST_AT_ONCE = 8;
const LONGEST_DOUBT_MS = 3_000;
const COUNTRIES = ['NO', 'NO', 'SE', 'DK', 'DE', 'DE', 'FR', 'GB'];

const OPERATIONS = ['confirm', 'capture', 'cancel', 'refund'];
const KINDS = ['errorBefore', 'errorAfter', 'timeout', 'rateLimited', 'slow', 'stickyError', 'stickyErrorAfter'];

/** Those that pass: an operation that fails for ever would need a person. */
export const FAULTS = [
  ...OPERATIONS.flatMap((operation) => KINDS.map((kind) => `${operation}_${kind}`)),
  'confirm_holdExpires',
  'capture_holdExpires',
];

interface Plan extends Wish {
  changesTheirMind: boolean;
}

/** Each share of exactly as many orders as it says, drawn anew each time. */
export function plan({ orders, shares, faults }: Order, skus: string[]): Plan[] {
  const chosen = (share: number) => new Set(shuffled(indexes(orders)).slice(0, Math.round((orders * share) / 100)));
  const [declined, faulty, refused, silent, cancelled] = [
    chosen(shares.declined), chosen(shares.faulty), chosen(shares.refused), chosen(shares.silent), chosen(shares.cancelled),
  ];
  return indexes(orders).map((place) => ({
    sku: anyOf(skus),
    card: declined.has(place) ? 'pm_card_visa_chargeDeclined' : faulty.has(place) ? `pm_card_fault_${anyOf(faults)}` : 'pm_card_visa',
    line2: refused.has(place) ? 'sandbox:refuse' : silent.has(place) ? 'sandbox:silent' : null,
    country: anyOf(COUNTRIES),
    changesTheirMind: cancelled.has(place),
  }));
}

export class Batch {
  readonly progress = new Store<Progress>({ wanted: 0, placed: 0, refused: {}, cancelled: 0, tooLate: 0, isRunning: false });
  private stopping = new AbortController();

  /** Ends when every buyer has come, or after `stop`. */
  async run(order: Order, skus: string[]): Promise<void> {
    this.stopping = new AbortController();
    const { signal } = this.stopping;
    const waiting = plan(order, skus);
    this.progress.value = { wanted: waiting.length, placed: 0, refused: {}, cancelled: 0, tooLate: 0, isRunning: true };
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
  private async serve({ changesTheirMind, ...wish }: Plan, signal: AbortSignal): Promise<Promise<void>[]> {
    try {
      const order = await buyAsGuest(wish, signal);
      this.note({ placed: this.progress.value.placed + 1 });
      return changesTheirMind ? [this.doubt(order, signal)] : [];
    } catch (error) {
      if (!signal.aborted) this.refuse(error);
      return [];
    }
  }

  private async doubt(order: { order_id: string; order_token: string }, signal: AbortSignal): Promise<void> {
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
    const code = error instanceof Problem ? error.code : 'unknown';
    const { refused } = this.progress.value;
    this.note({ refused: { ...refused, [code]: (refused[code] ?? 0) + 1 } });
  }

  private note(changes: Partial<Progress>): void {
    this.progress.value = { ...this.progress.value, ...changes };
  }
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
