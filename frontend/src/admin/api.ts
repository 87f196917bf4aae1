/** Every call that only the console makes, and the shapes of its answers. */
import { signedIn, type List, type OrderSummary, type Status } from '../api';
import type { Machine } from './saga/definition';

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

export interface Entry {
  kind: 'order' | 'workflow' | 'state' | 'event' | 'email' | 'payment' | 'shipment' | 'call' | 'queue' | 'push' | 'log';
  at: string;
  title: string;
  details: Record<string, unknown>;
  /** The raw thing behind the entry; null where there is none. */
  document: unknown;
}

export type Kind = Entry['kind'];

export async function getTimeline(orderId: string, signal?: AbortSignal): Promise<Entry[]> {
  const { items } = await signedIn<{ items: Entry[] }>(`/admin/orders/${encodeURIComponent(orderId)}/timeline`, { signal });
  return items;
}

export interface LoggedEntries {
  items: Entry[];
  /** False if there was more to find. */
  is_complete: boolean;
}

/** Slower than the timeline: CloudWatch looks through the logs of all functions. */
export function getOrderLogs(orderId: string, signal?: AbortSignal): Promise<LoggedEntries> {
  return signedIn(`/admin/orders/${encodeURIComponent(orderId)}/logs`, { signal });
}

export interface Workflow {
  name: string;
  machine: string;
  definition: Machine;
}

let workflows: Promise<Workflow[]> | undefined;

/** As they are deployed; asked for once for each visit of the console. */
export function listWorkflows(): Promise<Workflow[]> {
  workflows ??= signedIn<{ items: Workflow[] }>('/admin/workflows').then(
    ({ items }) => items,
    (error) => {
      workflows = undefined;
      throw error;
    },
  );
  return workflows;
}

function queryOf(values: Record<string, string | null | undefined>): URLSearchParams {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(values)) if (value) query.set(key, value);
  return query;
}
