/**
 * Retries of requests for which the API had no capacity. API Gateway refuses them with 429, and with 5xx where Lambda
 * throttles the function behind it.
 */
import { sleep } from './poll';

const PAUSES_MS = [400, 1_200];
/** Who has to wait for longer is better shown why. */
const LONGEST_PAUSE_MS = 3_000;
const GATEWAY_FAILURES = [502, 503, 504];

/** Only these can be sent again although the first one may have been processed. */
export const isRepeatable = (method: string, headers: Record<string, string>) => method === 'GET' || 'Idempotency-Key' in headers;

/** The answer to a request, which is sent up to three times if it is repeatable. */
export async function answered(send: () => Promise<Response>, repeatable: boolean, signal: AbortSignal): Promise<Response> {
  for (const least of repeatable ? PAUSES_MS : []) {
    const answer = await send();
    const pause = Math.max(least * (1 + Math.random()), Number(answer.headers.get('Retry-After') ?? 0) * 1_000);
    if (!isOverload(answer) || !(pause <= LONGEST_PAUSE_MS)) return answer;
    await sleep(pause, signal);
    signal.throwIfAborted();
  }
  return send();
}

/** A limit of the shop's own, such as that on emails, names no moment; a 500 of the function's own is a problem document. */
function isOverload({ status, headers }: Response): boolean {
  if (status === 429) return headers.has('Retry-After');
  return GATEWAY_FAILURES.includes(status) || (status === 500 && !headers.get('Content-Type')?.includes('problem+json'));
}
