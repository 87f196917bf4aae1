/**
 * One attempt to send something back, under one idempotency key. It is kept until the shop has given
 * a definite answer, so that asking again after a lost connection can never send the same back twice.
 */
import { Problem, returnOrder, type Order, type ReturnLine, type ReturnReceipt } from './api';
import { inThisTab, Stored } from './storage';

interface Attempt {
  key: string;
  /** What was asked, of which order, and how many returns it had: once there is one more, a new wish is a new wish. */
  wish: string;
}

const pending = new Stored<Attempt>('saga.return-attempt', inThisTab);

export async function sendBack({ order_id, returns = [] }: Order, lines: ReturnLine[]): Promise<ReturnReceipt> {
  const wish = JSON.stringify([order_id, returns.length, lines]);
  const earlier = pending.get();
  const attempt = earlier?.wish === wish ? earlier : { key: crypto.randomUUID(), wish };
  pending.set(attempt);
  try {
    const receipt = await returnOrder(order_id, lines, attempt.key);
    pending.set(null);
    return receipt;
  } catch (error) {
    const isDefinite = error instanceof Problem && !error.isUncertain;
    if (isDefinite) pending.set(null);
    throw error;
  }
}
