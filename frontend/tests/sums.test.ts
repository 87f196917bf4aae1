import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cart } from '../src/api';
import { adjustmentRows, rowsBeforeTotal } from '../src/components/sums';
import { formatMoney } from '../src/money';

const DISCOUNT = { kind: 'DISCOUNT', label: 'Spring sale', amount: -500 } as const;
const SHIPPING = { kind: 'SHIPPING', label: 'Parcel', amount: 490 } as const;

const cart = (...adjustments: NonNullable<Cart['adjustments']>): Cart => ({
  lines: [], adjustments, total: { amount: 1000, currency: 'EUR' }, expires_at: null, cart_token: null,
});

/** The text of a template, without its tags. */
function text(shown: unknown): string {
  if (Array.isArray(shown)) return shown.map(text).join('');
  if (typeof shown !== 'object' || shown === null) return typeof shown === 'string' ? shown : '';
  const { strings, values } = shown as { strings: string[]; values: unknown[] };
  return strings.map((part, at) => part.replace(/<[^>]*>/g, ' ') + text(values[at])).join('').replace(/\s+/g, ' ').trim();
}

test('a discount has a row with its label and amount', () => {
  assert.equal(text(adjustmentRows(cart(DISCOUNT))), `Spring sale ${formatMoney({ amount: -500, currency: 'EUR' })}`);
});

test('a cart without adjustments has no rows of them', () => {
  const { adjustments, ...without } = cart();
  assert.equal(text(adjustmentRows(cart())), '');
  assert.equal(text(adjustmentRows(without)), '');
});

test('delivery is included unless there is a shipping cost', () => {
  assert.match(text(rowsBeforeTotal(cart(DISCOUNT))), /Spring sale.*Delivery Included/);
  assert.doesNotMatch(text(rowsBeforeTotal(cart(SHIPPING))), /Included/);
});
