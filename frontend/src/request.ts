/** HTTP client of the shop's API: credentials, retries while the API is busy, and problems as exceptions. */
import { forgetIdToken, idToken } from './auth';
import type { FieldError, ProblemMembers } from './api-types';
import { config } from './config';
import { answered, isRepeatable } from './retry';
import { onThisDevice, Stored } from './storage';

/** An RFC 9457 problem, or status 0 when no answer came at all. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly errors: FieldError[] = [],
    readonly members: ProblemMembers = {},
  ) {
    super(message);
  }

  get isUnreachable(): boolean {
    return this.status === 0;
  }

  /** True if the server may have done the work although no response arrived. */
  get isUncertain(): boolean {
    return this.status === 0 || this.status >= 500 || this.code === 'checkout_busy';
  }
}

export interface Options {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

const PATIENCE_MS = 20_000;
const BUSY = 'The shop is busy right now. Please try again in a moment.';

/** The token of the guest's cart in this browser. */
export const cartToken = new Stored<string>('saga.cart-token', onThisDevice);

/** Sends who is shopping: the customer's token, or else the guest's cart token. */
export async function shopper<T>(path: string, options: Options = {}): Promise<T> {
  const token = await idToken();
  return token ? customer(token, path, options) : guest(path, options);
}

/** Sends a request that needs a signed-in customer or administrator. */
export async function signedIn<T>(path: string, options: Options = {}): Promise<T> {
  const token = await idToken();
  if (!token) throw new Problem(401, 'sign_in_required', 'Please sign in again.');
  return customer(token, path, options);
}

/** A guest's cart that has expired is forgotten, and the call starts a new one. */
async function guest<T>(path: string, options: Options): Promise<T> {
  const token = cartToken.get();
  if (!token) return anyone(path, options);
  try {
    return await anyone(path, { ...options, headers: { ...options.headers, 'X-Cart-Token': token } });
  } catch (error) {
    if (!isOfLostCart(error)) throw error;
    cartToken.set(null);
    return anyone(path, options);
  }
}

/** An id token that the API no longer accepts is renewed once. */
async function customer<T>(token: string, path: string, options: Options): Promise<T> {
  const signed = (bearer: string) =>
    anyone<T>(path, { ...options, headers: { ...options.headers, Authorization: `Bearer ${bearer}` } });
  try {
    return await signed(token);
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 401 || isOfLostCart(error)) throw error;
    forgetIdToken();
    const renewed = await idToken();
    if (!renewed) throw error;
    return signed(renewed);
  }
}

export const isOfLostCart = (error: unknown) => error instanceof Problem && error.code === 'cart_token_invalid';

export async function anyone<T>(path: string, options: Options = {}): Promise<T> {
  const { body, issued } = await asked<T>(path, options);
  if (issued) cartToken.set(issued);
  return body;
}

/** The answer, and the cart's token where one was issued with it. */
export async function asked<T>(path: string, options: Options = {}): Promise<{ body: T; issued: string | null }> {
  const answer = await send(path, options);
  const issued = answer.headers.get('X-Cart-Token');
  const body = await answer.json().catch(() => null);
  if (answer.ok) return { body, issued };
  const problem = body ?? {};
  const isBusy = problem.code === 'service_unavailable' || (!problem.code && (answer.status === 429 || answer.status >= 500));
  throw new Problem(
    answer.status,
    problem.code ?? 'unknown',
    isBusy ? BUSY : (problem.detail ?? problem.title ?? 'The shop could not answer that.'),
    problem.errors ?? [],
    problem,
  );
}

async function send(path: string, { method = 'GET', body, headers = {}, signal }: Options): Promise<Response> {
  const patience = AbortSignal.timeout(PATIENCE_MS);
  const until = signal ? AbortSignal.any([signal, patience]) : patience;
  try {
    const { api } = await config();
    const request = {
      method,
      headers: body === undefined ? headers : { ...headers, 'Content-Type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: until,
    };
    return await answered(() => fetch(api + path, request), isRepeatable(method, headers), until);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(0, 'unreachable', 'The shop cannot be reached right now.');
  }
}
