/** The order list as a CSV file. */
import type { List } from '../api';
import { decimalText } from '../money';
import type { AdminOrderSummary } from './api';
import { writeCsv } from './components/csv';

/** Calls of 20 orders each. */
const MOST_PAGES = 100;
const HEADS = ['number', 'order_id', 'placed_at', 'status', 'reason', 'email', 'customer_id', 'units', 'total', 'currency'];

/** Reads a list from its first page on. `isWhole` is false where the list is longer than an export may be. */
export async function exportOrders(
  load: (cursor: string | null) => Promise<List<AdminOrderSummary>>,
): Promise<{ csv: string; count: number; isWhole: boolean }> {
  const orders: AdminOrderSummary[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < MOST_PAGES && (page === 0 || cursor); page++) {
    const { items, next_cursor }: List<AdminOrderSummary> = await load(cursor);
    orders.push(...items);
    cursor = next_cursor;
  }
  return { csv: writeCsv([HEADS, ...orders.map(row)]), count: orders.length, isWhole: !cursor };
}

const row = ({ number, order_id, placed_at, status, reason, email, customer_id, lines, total }: AdminOrderSummary) => [
  number,
  order_id,
  placed_at,
  status,
  reason ?? '',
  email,
  customer_id ?? '',
  lines.reduce((sum, { quantity }) => sum + quantity, 0),
  // A number, so that a spreadsheet can add it up.
  Number(decimalText(total.amount, total.currency)),
  total.currency,
];

/** Saves a text as a file of the reader's. */
export function save(text: string, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type: 'text/csv;charset=utf-8' }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
