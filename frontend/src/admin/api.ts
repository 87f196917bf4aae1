/** Every call that only the console makes, and the shapes of its answers. */
import { askedOnce } from '../asked-once';
import type { Machine } from './saga/definition';
import { asked, Problem, signedIn, type List, type OrderDocument, type OrderSummary, type Status } from '../api';

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

export interface DocumentPage extends List<OrderDocument> {
  time_zone: string;
}

export function listAllDocuments(
  filter: { kind: OrderDocument['kind']; year?: number; cursor?: string | null },
  signal?: AbortSignal,
): Promise<DocumentPage> {
  return signedIn(`/admin/documents?${queryOf({ ...filter, year: filter.year ? String(filter.year) : undefined })}`, { signal });
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

/** Makes the refunds of an order again that did not arrive; asked twice, none is made twice. */
export async function retryRefunds(orderId: string): Promise<void> {
  await signedIn(`/admin/orders/${encodeURIComponent(orderId)}/refunds`, { method: 'POST' });
}

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

/** As they are deployed. */
export const listWorkflows = askedOnce(async () => (await signedIn<{ items: Workflow[] }>('/admin/workflows')).items);

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
  complete: boolean;
  sent_until: string;
}

export const getSystem = (signal?: AbortSignal): Promise<SystemMap> => signedIn('/admin/system', { signal });

export const getActivity = (signal?: AbortSignal): Promise<Activity> => signedIn('/admin/system/activity', { signal });

export async function listQueues(signal?: AbortSignal): Promise<Queue[]> {
  return (await signedIn<{ items: Queue[] }>('/admin/queues', { signal })).items;
}

export async function listLetters(queue: string, signal?: AbortSignal): Promise<Letter[]> {
  return (await signedIn<{ items: Letter[] }>(`/admin/queues/${encodeURIComponent(queue)}/messages`, { signal })).items;
}

/** Redrives those with these ids, or all that are there now, in as many calls as it takes. */
export async function redrive(queue: string, key: string, ids?: string[]): Promise<Redriven> {
  const path = `/admin/queues/${encodeURIComponent(queue)}/redrive`;
  let answer = await signedIn<Redriven>(path, { method: 'POST', body: ids ? { message_ids: ids } : {}, headers: { 'Idempotency-Key': key } });
  const sum = answer;
  let calls = 0;
  // What fails and is parked again was sent later than `sent_until`, so this ends.
  while (!ids && !answer.complete && answer.redriven.length) {
    answer = await signedIn<Redriven>(path, {
      method: 'POST',
      body: { sent_until: answer.sent_until },
      headers: { 'Idempotency-Key': `${key}.${++calls}` },
    });
    sum.redriven.push(...answer.redriven);
    Object.assign(sum.failed, answer.failed);
    sum.left = answer.left;
  }
  return sum;
}

export function dropLetter(queue: string, id: string): Promise<unknown> {
  return signedIn(`/admin/queues/${encodeURIComponent(queue)}/messages/${encodeURIComponent(id)}`, { method: 'DELETE' });
}

// insights

export interface SalesDay {
  date: string;
  orders: number;
  pieces: number;
  revenue: number;
}

export interface Steps {
  visit: number;
  cart: number;
  checkout: number;
  placed: number;
  completed: number;
}

export interface Insights {
  currency: string;
  time_zone: string;
  days: SalesDay[];
  top_products: { sku: string; name: string | null; pieces: number; revenue: number }[];
  countries: { country: string; orders: number; revenue: number }[];
  funnel: (Steps & { date: string; by_variant: Record<string, Steps> })[];
  experiment: {
    variants: (Steps & { variant: 'a' | 'b'; conversion: number | null })[];
    finding: 'TOO_FEW' | 'NO_DIFFERENCE' | 'A_IS_BETTER' | 'B_IS_BETTER' | 'MISCOUNTED';
    p_value: number | null;
    in_words: string;
  };
  bought_together: { skus: [string, string]; orders: number }[];
  points: number;
}

export function getInsights(days: number, signal?: AbortSignal): Promise<Insights> {
  return signedIn(`/admin/insights?days=${days}`, { signal });
}

// lab

export interface Audit {
  read_at: string;
  promises: { promise: string; checked: number; violated: number; violations: { subject: string; text: string }[] }[];
  orders: {
    placed: number;
    under_way: number;
    endings: Record<string, number>;
    pace: { second: string; placed: number; ended: number }[];
  };
}

export function runAudit(since: string | null, signal?: AbortSignal): Promise<Audit> {
  return signedIn('/admin/audit', { method: 'POST', body: { since }, signal });
}

/** What a guest of the lab buys, and how. */
export interface Wish {
  sku: string;
  card: string;
  line2: string | null;
  livesIn: { city: string; postal_code: string; country: string };
}

export interface GuestOrder {
  order_id: string;
  order_token: string;
}

/**
 * A guest as everybody could be one: through the public API, with a cart and a token of their own. Returns the click
 * that places the order; each further click sends the same again, with the same key.
 */
export async function fillCartAsGuest(wish: Wish, signal: AbortSignal): Promise<() => Promise<GuestOrder>> {
  const cart = await asked(`/cart/items/${encodeURIComponent(wish.sku)}`, { method: 'PUT', body: { quantity: 1 }, signal });
  const address = { name: 'Lab Guest', line1: 'Harbour Street 1', ...wish.livesIn };
  const checkout = {
    method: 'POST' as const,
    // Amazon's own mailbox for tests: it takes every email, on a stage that may write to nobody else too.
    body: {
      email: 'success+lab@simulator.amazonses.com',
      shipping_address: wish.line2 ? { ...address, line2: wish.line2 } : address,
      payment_method: wish.card,
    },
    headers: { 'Idempotency-Key': crypto.randomUUID(), 'X-Cart-Token': cart.issued ?? '' },
    signal,
  };
  return async () => (await asked<GuestOrder>('/orders', checkout)).body;
}

export async function cancelAsGuest(order: GuestOrder, signal: AbortSignal): Promise<void> {
  await asked(`/orders/${order.order_id}/cancel`, { method: 'POST', headers: { 'X-Order-Token': order.order_token }, signal });
}

export const WEBHOOK_MODES = ['normal', 'duplicate', 'reorder', 'late', 'wrong_signature', 'stale', 'off'] as const;
export type WebhookMode = (typeof WEBHOOK_MODES)[number];

interface ControlApi {
  url: string;
  key: string;
}

/** How the payment sandbox delivers its webhooks. Given a mode, from now on. */
export async function webhookMode(controlApi: ControlApi, mode?: WebhookMode): Promise<WebhookMode> {
  const answer = await fetch(`${controlApi.url}/admin/webhooks`, {
    method: mode ? 'POST' : 'GET',
    headers: { Authorization: `Bearer ${controlApi.key}`, ...(mode && { 'Content-Type': 'application/json' }) },
    body: mode && JSON.stringify({ mode }),
  }).catch(() => null);
  if (!answer?.ok) throw new Problem(answer?.status ?? 0, 'desk_closed', 'The payment sandbox does not answer.');
  return (await answer.json()).mode;
}

export function queryOf(values: Record<string, string | null | undefined>): URLSearchParams {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(values)) if (value) query.set(key, value);
  return query;
}
