/**
 * One attempt to place an order: what was asked, under which key. It is kept until the shop has
 * given a definite answer, so that asking again after a lost connection can never order twice.
 */
import { placeOrder, Problem, type Checkout, type PlacedOrder } from './api';
import { inThisTab, Stored } from './storage';

interface Attempt {
  key: string;
  checkout: Checkout;
}

const pending = new Stored<Attempt>('saga.checkout-attempt', inThisTab);

export const pendingAttempt = () => pending.get();

export function dropAttempt(): void {
  pending.set(null);
}

export async function submit(checkout: Checkout): Promise<PlacedOrder> {
  const earlier = pending.get();
  const isSame = earlier !== null && JSON.stringify(earlier.checkout) === JSON.stringify(checkout);
  const attempt = isSame ? earlier : { key: crypto.randomUUID(), checkout };
  pending.set(attempt);
  try {
    const order = await placeOrder(attempt.checkout, attempt.key);
    pending.set(null);
    return order;
  } catch (error) {
    const isDefinite = error instanceof Problem && !error.isUncertain;
    if (isDefinite) pending.set(null);
    throw error;
  }
}
