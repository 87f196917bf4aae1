/** Every call that only the console makes. */
import type { Answer, Body, List, OrderDocument, Status } from '../api-types';
import { askedOnce } from '../asked-once';
import { asked, Problem, signedIn } from '../request';
import type { Machine } from './saga/definition';

export type AdminOrderSummary = Answer<'/admin/orders'>['items'][number];
export type DocumentPage = Answer<'/admin/documents'>;
export type Entry = Answer<'/admin/orders/{order_id}/timeline'>['items'][number];
export type Kind = Entry['kind'];
export type SystemMap = Answer<'/admin/system'>;
export type Part = SystemMap['parts'][number];
export type Link = SystemMap['links'][number];
export type Activity = Answer<'/admin/system/activity'>;
export type Queue = Answer<'/admin/queues'>['items'][number];
export type DeadLetter = Answer<'/admin/queues/{name}/messages'>['items'][number];
export type Redriven = Answer<'/admin/queues/{name}/redrive', 'post'>;
export type Insights = Answer<'/admin/insights'>;
export type Cohorts = Answer<'/admin/reports/cohorts'>;
export type Categories = Answer<'/admin/reports/categories'>;
export type ReportedOrders = Answer<'/admin/reports/orders'>;
export type Steps = Insights['funnel'][number]['by_variant'][string];
export type Audit = Answer<'/admin/audit', 'post'>;
export type RunReport = Answer<'/admin/run-reports'>['items'][number];
export type GuestOrder = Answer<'/orders', 'post'>;
export type OrderTotals = Answer<'/admin/orders/totals'>;
export type OrderEmail = Answer<'/admin/orders/{order_id}/emails'>['items'][number];
export type Workflow = Omit<Answer<'/admin/workflows'>['items'][number], 'definition'> & { definition: Machine };

// orders

export type OrderFilter = {
  status?: Status | '';
  customer_id?: string;
  placed_from?: string;
  placed_to?: string;
};

export function countOrders(filter: OrderFilter, signal?: AbortSignal): Promise<OrderTotals> {
  return signedIn(`/admin/orders/totals?${queryOf(filter)}`, { signal });
}

export function listAllOrders(
  filter: OrderFilter & { cursor?: string | null },
  signal?: AbortSignal,
): Promise<List<AdminOrderSummary>> {
  return signedIn(`/admin/orders?${queryOf(filter)}`, { signal });
}

/** Finds orders by email address, number or name. Sends it in the body, because URLs are logged. */
export function findOrders(text: string, cursor: string | null, signal?: AbortSignal): Promise<List<AdminOrderSummary>> {
  const wanted = text.includes('@') ? { email: text } : { text };
  return signedIn('/admin/orders/search', { method: 'POST', body: { ...wanted, cursor }, signal });
}

export function listAllDocuments(
  filter: { kind: OrderDocument['kind']; year?: number; cursor?: string | null },
  signal?: AbortSignal,
): Promise<DocumentPage> {
  return signedIn(`/admin/documents?${queryOf({ ...filter, year: filter.year ? String(filter.year) : undefined })}`, { signal });
}

/** Calls an action on an order. Repeating it with the same key has one effect. */
const actOn = <T>(orderId: string, action: string, body: unknown, key: string): Promise<T> =>
  signedIn(`/admin/orders/${encodeURIComponent(orderId)}/${action}`, { method: 'POST', body, headers: { 'Idempotency-Key': key } });

export const cancelAsAdmin = (orderId: string, body: Body<'/admin/orders/{order_id}/cancel', 'post'>, key: string) =>
  actOn<Answer<'/admin/orders/{order_id}/cancel', 'post'>>(orderId, 'cancel', body, key);

export const refundOrder = (orderId: string, body: Body<'/admin/orders/{order_id}/returns', 'post'>, key: string) =>
  actOn<Answer<'/admin/orders/{order_id}/returns', 'post'>>(orderId, 'returns', body, key);

export const addNote = (orderId: string, body: Body<'/admin/orders/{order_id}/notes', 'post'>, key: string) =>
  actOn<Answer<'/admin/orders/{order_id}/notes', 'post'>>(orderId, 'notes', body, key);

export async function listEmails(orderId: string): Promise<OrderEmail[]> {
  return (await signedIn<Answer<'/admin/orders/{order_id}/emails'>>(`/admin/orders/${encodeURIComponent(orderId)}/emails`)).items;
}

export const sendEmailAgain = (orderId: string, body: Body<'/admin/orders/{order_id}/emails', 'post'>, key: string) =>
  actOn<Answer<'/admin/orders/{order_id}/emails', 'post'>>(orderId, 'emails', body, key);

/** Retries the failed refunds of an order. Idempotent. */
export async function retryRefunds(orderId: string): Promise<void> {
  await signedIn(`/admin/orders/${encodeURIComponent(orderId)}/refunds`, { method: 'POST' });
}

export async function getTimeline(orderId: string, signal?: AbortSignal): Promise<Entry[]> {
  const { items } = await signedIn<Answer<'/admin/orders/{order_id}/timeline'>>(`/admin/orders/${encodeURIComponent(orderId)}/timeline`, { signal });
  return items;
}

/** Slower than the timeline: CloudWatch searches the logs of all functions. */
export function getOrderLogs(orderId: string, signal?: AbortSignal): Promise<Answer<'/admin/orders/{order_id}/logs'>> {
  return signedIn(`/admin/orders/${encodeURIComponent(orderId)}/logs`, { signal });
}

/** Returns the workflows as deployed. */
export const listWorkflows = askedOnce(async () => (await signedIn<{ items: Workflow[] }>('/admin/workflows')).items);

// system

export const getSystem = (signal?: AbortSignal): Promise<SystemMap> => signedIn('/admin/system', { signal });

/** So many executions of a workflow the API counts. */
export const RUNNING_AT_MOST = 100;

export const getActivity = (signal?: AbortSignal): Promise<Activity> => signedIn('/admin/system/activity', { signal });

export async function listQueues(signal?: AbortSignal): Promise<Queue[]> {
  return (await signedIn<Answer<'/admin/queues'>>('/admin/queues', { signal })).items;
}

export async function listDeadLetters(queue: string, signal?: AbortSignal): Promise<DeadLetter[]> {
  return (await signedIn<Answer<'/admin/queues/{name}/messages'>>(`/admin/queues/${encodeURIComponent(queue)}/messages`, { signal })).items;
}

/** Redrives the messages with these ids, or all that are in the queue now, in as many calls as needed. */
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

export function dropDeadLetter(queue: string, id: string): Promise<unknown> {
  return signedIn(`/admin/queues/${encodeURIComponent(queue)}/messages/${encodeURIComponent(id)}`, { method: 'DELETE' });
}

// reports

/** Filters of the reported orders, by the names of the query. */
export type ReportFilter = Partial<Record<'q' | 'status' | 'country' | 'category' | 'sku' | 'min_total' | 'max_total' | 'since' | 'until', string>>;

export const getCohorts = (signal?: AbortSignal): Promise<Cohorts> => signedIn('/admin/reports/cohorts', { signal });

export const getCategories = (signal?: AbortSignal): Promise<Categories> => signedIn('/admin/reports/categories', { signal });

export function searchReportedOrders(filter: ReportFilter & { cursor?: string | null }, signal?: AbortSignal): Promise<ReportedOrders> {
  return signedIn(`/admin/reports/orders?${queryOf(filter)}`, { signal });
}

// insights

export function getInsights(days: number, signal?: AbortSignal): Promise<Insights> {
  return signedIn(`/admin/insights?days=${days}`, { signal });
}

// lab

/** Reports of the test bed, newest first. Their addresses work for a few minutes. */
export function runReports(signal?: AbortSignal): Promise<{ items: RunReport[] }> {
  return signedIn('/admin/run-reports', { signal });
}

export function runAudit(since: string | null, signal?: AbortSignal): Promise<Audit> {
  return signedIn('/admin/audit', { method: 'POST', body: { since }, signal });
}

/** The order of a guest in the lab. */
export interface Wish {
  sku: string;
  card: string;
  line2: string | null;
  livesIn: { city: string; postal_code: string; country: string };
}

/**
 * Fills the cart of a new guest through the public API. Returns a function that places the order; calling it again
 * repeats the request with the same idempotency key.
 */
export async function fillCartAsGuest(wish: Wish, signal: AbortSignal): Promise<() => Promise<GuestOrder>> {
  const cart = await asked(`/cart/items/${encodeURIComponent(wish.sku)}`, { method: 'PUT', body: { quantity: 1 }, signal });
  const address = { name: 'Lab Guest', line1: 'Harbour Street 1', ...wish.livesIn };
  const checkout = {
    method: 'POST' as const,
    // The SES mailbox simulator accepts every email, also in the SES sandbox.
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
  await asked(`/orders/${order.order_id}/cancel`, { method: 'POST', headers: { 'X-Order-Token': order.order_token ?? '' }, signal });
}

export const WEBHOOK_MODES = ['normal', 'duplicate', 'reorder', 'late', 'wrong_signature', 'stale', 'off'] as const;
export type WebhookMode = (typeof WEBHOOK_MODES)[number];

interface ControlApi {
  url: string;
  key: string;
}

/** Returns how the payment sandbox delivers its webhooks, after setting `mode` if it is given. */
export async function webhookMode(controlApi: ControlApi, mode?: WebhookMode): Promise<WebhookMode> {
  const answer = await fetch(`${controlApi.url}/admin/webhooks`, {
    method: mode ? 'POST' : 'GET',
    headers: { Authorization: `Bearer ${controlApi.key}`, ...(mode && { 'Content-Type': 'application/json' }) },
    body: mode && JSON.stringify({ mode }),
  }).catch(() => null);
  if (!answer?.ok) throw new Problem(answer?.status ?? 0, 'control_api_unavailable', 'The payment sandbox does not answer.');
  return (await answer.json()).mode;
}

export function queryOf(values: Record<string, string | null | undefined>): URLSearchParams {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(values)) if (value) query.set(key, value);
  return query;
}
