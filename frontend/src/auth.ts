/**
 * Customers sign in at the shop's own API, which keeps their session.
 *
 * Where tokens live: the id token only in memory, for minutes; it is gone when the page is. What prolongs the session
 * is a cookie that the browser keeps from every script, this one included. A note in localStorage says no more than
 * that there may be a session, so that guests need not ask for one, and so that tabs notice when one of them signs out.
 */
import { config } from './config';
import { onThisDevice, Stored } from './storage';
import { Store } from './store';

export interface Session {
  email: string;
  isAdmin: boolean;
}

/** The shop's refusal; `code` is the problem's, or `Unreachable`. */
export class AuthError extends Error {
  constructor(readonly code: string, message: string, readonly fields: Record<string, string> = {}) {
    super(message);
  }
}

interface IssuedSession {
  id_token: string;
}

export const PASSWORD_MINIMUM = 12;

const MESSAGES: Record<string, string> = {
  credentials_refused: 'That email and password do not match.',
  account_not_confirmed: 'This account still waits for its confirmation code.',
  new_password_required: 'That password was for one time only. Please choose your own.',
  password_reset_required: 'This account needs a new password first.',
  code_refused: 'That is not the code we sent last, or it has expired.',
  password_refused: 'Please choose another password.',
  too_many_attempts: 'Too many attempts. Please wait a few minutes.',
  too_many_requests: 'Many people are at the door. Please try again in a moment.',
  Unreachable: 'The sign-in desk cannot be reached right now. Please try again.',
};
const SLACK_MS = 60_000;
const PATIENCE_MS = 20_000;

const mayHaveSession = new Stored<boolean>('saga.signed-in', onThisDevice);
let token: string | null = null;
let renewing: Promise<void> | null = null;
/** From the sign-up until its code is accepted. */
let signedUp: { email: string; password: string } | null = null;

export const session = new Store<Session | null>(null);

/** A valid id token, renewed when it is about to expire, or null for a guest. */
export async function idToken(): Promise<string | null> {
  const isFresh = token && Number(claimsOf(token).exp) * 1000 - SLACK_MS > Date.now();
  if (!isFresh && mayHaveSession.get()) {
    renewing ??= renew().finally(() => (renewing = null));
    await renewing;
  }
  return token;
}

export function forgetIdToken(): void {
  token = null;
}

/** Sends a code to the address; does not reveal whether it has an account. */
export async function signUp(email: string, password: string): Promise<void> {
  await ask('POST', '/accounts', { email, password });
  signedUp = { email, password };
}

/** Returns whether the customer is signed in now: with the password of the sign-up, if it was on this page. */
export async function confirmSignUp(email: string, code: string): Promise<boolean> {
  await ask('POST', '/accounts/confirm', { email, code });
  const known = signedUp?.email === email ? signedUp : null;
  signedUp = null;
  if (!known) return false;
  return signIn(known.email, known.password).then(() => true, () => false);
}

export async function resendCode(email: string): Promise<void> {
  await ask('POST', '/accounts/resend', { email });
}

export async function askPasswordReset(email: string): Promise<void> {
  await ask('POST', '/accounts/password-reset', { email });
}

export async function resetPassword(email: string, code: string, newPassword: string): Promise<void> {
  await ask('POST', '/accounts/password-reset/confirm', { email, code, new_password: newPassword });
}

/** With `newPassword` for a person who was invited with a one-time password. */
export async function signIn(email: string, password: string, newPassword?: string): Promise<void> {
  adoptSession(await ask<IssuedSession>('POST', '/session', { email, password, new_password: newPassword }));
}

/** Rejects when the shop cannot be reached: the session continues then, and the page must say so. */
export async function signOut(): Promise<void> {
  await ask('DELETE', '/session');
  leave();
}

// Signing in or out in one tab does the same in all of them.
addEventListener('storage', (event) => {
  if (event.key !== 'saga.signed-in') return;
  if (event.newValue === null) leave();
  else if (!session.value) void idToken().catch(() => undefined);
});

async function renew(): Promise<void> {
  try {
    adoptSession(await ask<IssuedSession>('POST', '/session/refresh'));
  } catch (error) {
    const isOver = error instanceof AuthError && error.code === 'session_ended';
    if (!isOver) throw error;
    leave();
  }
}

/** Continue a session that the API has just begun. */
export function adoptSession({ id_token }: IssuedSession): void {
  token = id_token;
  mayHaveSession.set(true);
  const claims = claimsOf(id_token);
  const groups = (claims['cognito:groups'] ?? []) as string[];
  const now = { email: String(claims.email ?? ''), isAdmin: groups.includes('admin') };
  const { value } = session;
  if (value?.email !== now.email || value.isAdmin !== now.isAdmin) session.value = now;
}

/** Forgets the session in this browser; the API has ended it. */
export function leave(): void {
  token = null;
  mayHaveSession.set(null);
  if (session.value) session.value = null;
}

/** Read for display and timing only; whether the token is genuine is for the API to decide. */
function claimsOf(jwt: string): Record<string, unknown> {
  const base64 = jwt.split('.')[1].replace(/-/g, '+').replace(/_/g, '/');
  const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
}

async function ask<T>(method: string, path: string, body?: object): Promise<T> {
  const answer = await send(method, path, body);
  const result = await answer.json().catch(() => ({}));
  if (answer.ok) return result;
  const code = String(result.code ?? 'unknown');
  const errors: { field: string; message: string }[] = result.errors ?? [];
  const fields = Object.fromEntries(errors.map(({ field, message }) => [field, message]));
  throw new AuthError(code, MESSAGES[code] ?? result.detail ?? 'The sign-in desk did not understand that.', fields);
}

async function send(method: string, path: string, body?: object): Promise<Response> {
  try {
    const { api } = await config();
    const answer = await fetch(api + path, {
      method,
      // A page of another site cannot send this header, so it cannot use the cookie.
      headers: { 'X-Session-Request': '1', ...(body && { 'Content-Type': 'application/json' }) },
      body: body && JSON.stringify(body),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    if (answer.status < 500) return answer;
  } catch {
    // Falls through to the same words: nobody answered.
  }
  throw new AuthError('Unreachable', MESSAGES.Unreachable);
}
