/**
 * One attempt to send something back, under one idempotency key. It is kept until the shop has given
 * a definite answer, so that asking again after a lost connection can never send the same back twice.
 */
import { Problem, returnOrder, type Order, type ReturnLine, type ReturnReceipt } from './api';
import { keptOf, sentBack } from './components/order-story';
import { inThisTab, Stored } from './storage';

interface Attempt {
  key: string;
  /** What was asked, of which order, and how many returns it had: once there is one more, a new wish is a new wish. */
  wish: string;
}

const pending = new Stored<Attempt>('saga.return-attempt', inThisTab);

export async function sendBack({ order_id, returns }: Order, lines: ReturnLine[]): Promise<ReturnReceipt> {
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

/** The order as it is once the shop has taken a return, until the shop says so itself. */
export function withReturn(order: Order, lines: ReturnLine[], { return_id: id, refund }: ReturnReceipt): Order {
  const { returns } = order;
  if (returns.some((known) => known.id === id)) return order;
  const units = new Map(lines.map(({ sku, quantity }) => [sku, quantity]));
  const after = order.lines.map((line) => ({ ...line, returned: sentBack(line) + (units.get(line.sku) ?? 0) }));
  const isAll = after.every((line) => keptOf(line) === 0);
  return {
    ...order,
    lines: after,
    actions: isAll ? [] : order.actions,
    returns: [...returns, { id, status: 'REQUESTED', requested_at: new Date().toISOString(), lines, refund, value: refund, shortfall: null }],
  };
}
