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
  const isSame = earlier !== null && asked(earlier.checkout) === asked(checkout);
  const attempt = { key: isSame ? earlier.key : crypto.randomUUID(), checkout };
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

/** The expected total is a condition and no part of what is asked for: who confirms a new one asks the same again. */
const asked = ({ expected_total: _, ...rest }: Checkout) => JSON.stringify(rest);
