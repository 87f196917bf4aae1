/** Runs a batch of the lab: buyers place orders through the public API, a few at a time. */
import { Problem } from '../api';
import { sleep } from '../poll';
import { Store } from '../store';
import { plan, type Order, type Plan } from './batch-plan';
import { cancelAsGuest, fillCartAsGuest, type GuestOrder } from './api';

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

/** The responses to the two copies of one checkout: an order id, or an error code. */
export type Torn = [string, string];

const NOTHING_YET: Progress = { wanted: 0, placed: 0, refused: {}, cancelled: 0, tooLate: 0, doubled: 0, torn: [], isRunning: false };

const LONGEST_DOUBT_MS = 3_000;
export class Batch {
  readonly progress = new Store(NOTHING_YET);
  private stopping = new AbortController();

  /** Runs the batch until every buyer has ordered, or until `stop`. */
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

  /** Places a buyer's order. Returns its later cancellation, if there is one, without waiting for it. */
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

  /** Sends a checkout twice at the same time. Both responses must name one order, unless both are errors. */
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
