/** Every call that only the console makes, and the shapes of its answers. */
import { signedIn, type List, type OrderSummary, type Status } from '../api';

// orders

export interface AdminOrderSummary extends OrderSummary {
  email: string;
  /** Null of a guest. */
  customer_id: string | null;
}

export function listAllOrders(
  filter: { status?: Status | ''; customer_id?: string; cursor?: string | null },
  signal?: AbortSignal,
): Promise<List<AdminOrderSummary>> {
  return signedIn(`/admin/orders?${queryOf(filter)}`, { signal });
}

function queryOf(values: Record<string, string | null | undefined>): URLSearchParams {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(values)) if (value) query.set(key, value);
  return query;
}
