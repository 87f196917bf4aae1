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

// system

export interface Part {
  /** The template's name for it. */
  id: string;
  kind: 'site' | 'api' | 'websocket' | 'schedule' | 'function' | 'table' | 'bucket' | 'bus' | 'rule' | 'topic' | 'queue' | 'dead_letters' | 'workflow';
  /** Its real name. */
  name: string;
  /** The name under which a queue is operated. */
  queue: string | null;
  says: string | null;
}

export interface Link {
  source: string;
  target: string;
  verb: 'serves' | 'calls' | 'runs' | 'feeds' | 'delivers' | 'gives up' | 'reads' | 'writes' | 'sends' | 'publishes' | 'starts' | 'invokes';
}

export interface SystemMap {
  parts: Part[];
  links: Link[];
}

export interface Depth {
  waiting: number;
  in_flight: number;
}

export interface Queue {
  name: string;
  /** Null where there is nothing but what was given up. */
  messages: Depth | null;
  dead_letters: Depth;
}

export interface Activity {
  window_minutes: number;
  running: Record<string, number>;
  functions: Record<string, { invocations: number; errors: number }>;
}

export interface Letter {
  id: string;
  sent_at: string;
  first_received_at: string | null;
  receive_count: number;
  context: { event_type: string | null; event_id: string | null; order_id: string | null; execution: string | null; reason: string | null };
}

export interface Redriven {
  redriven: string[];
  failed: Record<string, string>;
  left: number;
}

export const getSystem = (signal?: AbortSignal): Promise<SystemMap> => signedIn('/admin/system', { signal });

export const getActivity = (signal?: AbortSignal): Promise<Activity> => signedIn('/admin/system/activity', { signal });

export async function listQueues(signal?: AbortSignal): Promise<Queue[]> {
  return (await signedIn<{ items: Queue[] }>('/admin/queues', { signal })).items;
}

export async function listLetters(queue: string, signal?: AbortSignal): Promise<Letter[]> {
  return (await signedIn<{ items: Letter[] }>(`/admin/queues/${encodeURIComponent(queue)}/messages`, { signal })).items;
}

/** Those with these ids, or as many as one call can do. */
export function redrive(queue: string, ids?: string[]): Promise<Redriven> {
  return signedIn(`/admin/queues/${encodeURIComponent(queue)}/redrive`, { method: 'POST', body: ids ? { message_ids: ids } : {} });
}

export function dropLetter(queue: string, id: string): Promise<unknown> {
  return signedIn(`/admin/queues/${encodeURIComponent(queue)}/messages/${encodeURIComponent(id)}`, { method: 'DELETE' });
}

function queryOf(values: Record<string, string | null | undefined>): URLSearchParams {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(values)) if (value) query.set(key, value);
  return query;
}
