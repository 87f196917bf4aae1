import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AdminOrderSummary } from '../src/admin/api';
import { parseCsv } from '../src/admin/components/csv';
import { exportOrders } from '../src/admin/order-export';

const order = (number: number) =>
  ({
    number: `N-${number}`, order_id: `ord_${number}`, placed_at: '2030-05-17T12:00:00Z', status: 'COMPLETED', reason: null, email: 'ida@example.com',
    customer_id: null, lines: [{ quantity: 2 }, { quantity: 1 }], total: { amount: 1250, currency: 'EUR' },
  }) as unknown as AdminOrderSummary;

test('order export reads every page of the list', async () => {
  const pages = [{ items: [order(1)], next_cursor: 'two' }, { items: [order(2)], next_cursor: null }];
  const { csv, count, isWhole } = await exportOrders(async (cursor) => pages[cursor === 'two' ? 1 : 0]);
  assert.deepEqual([count, isWhole], [2, true]);
  const [, first, second] = parseCsv(csv);
  assert.deepEqual(first, ['N-1', 'ord_1', '2030-05-17T12:00:00Z', 'COMPLETED', '', 'ida@example.com', '', '3', '12.5', 'EUR']);
  assert.equal(second[1], 'ord_2');
});

test('order export says that a list without an end is not whole', async () => {
  const { count, isWhole } = await exportOrders(async () => ({ items: [order(1)], next_cursor: 'more' }));
  assert.deepEqual([count, isWhole], [100, false]);
});
