/**
 * Customers sign in with Amazon Cognito, spoken to by plain fetch.
 *
 * Where tokens live: id and access token only in memory, so they are gone when the page is. The
 * refresh token is kept in localStorage, because a shop that forgets its customer on every reload
 * and in every new tab is not usable without a server of our own to hold a cookie. The price is that
 * injected script could read it. What limits that: a strict content security policy, no third-party
 * script outside the card form, and revocation at sign-out, which makes a copied token worthless.
 */
import { config } from './config';
import { onThisDevice, Stored } from './storage';
import { Store } from './store';

export interface Session {
  email: string;
}

/** Cognito's refusal; `code` is its exception name without the trailing "Exception". */
export class AuthError extends Error {
  constructor(readonly code: string, message: string) {
    super(message);
  }
}

interface Tokens {
  IdToken: string;
  AccessToken: string;
  RefreshToken?: string;
}

interface AuthenticationResult {
  AuthenticationResult?: Tokens;
}

const SAYINGS: Record<string, string> = {
  NotAuthorized: 'That email and password do not match.',
  UserNotFound: 'That email and password do not match.',
  UsernameExists: 'There is already an account with this email.',
  UserNotConfirmed: 'This account still waits for its confirmation code.',
  CodeMismatch: 'That is not the code we sent. Please look again.',
  ExpiredCode: 'That code has expired. Ask for a new one below.',
  LimitExceeded: 'Too many attempts. Please wait a few minutes.',
  TooManyRequests: 'Too many attempts. Please wait a few minutes.',
  Unreachable: 'The sign-in desk cannot be reached right now. Please try again.',
};
const SLACK_MS = 60_000;

const refreshToken = new Stored<string>('saga.refresh-token', onThisDevice);
let tokens: Tokens | null = null;
let renewing: Promise<void> | null = null;

export const session = new Store<Session | null>(null);

/** A valid id token, renewed when it is about to expire, or null for a guest. */
export async function idToken(): Promise<string | null> {
  const isFresh = tokens && expiryOf(tokens.IdToken) - SLACK_MS > Date.now();
  if (!isFresh && refreshToken.get()) {
    renewing ??= renew().finally(() => (renewing = null));
    await renewing;
  }
  return tokens?.IdToken ?? null;
}

export function forgetIdToken(): void {
  tokens = null;
}

export async function signUp(email: string, password: string): Promise<void> {
  await cognito('SignUp', {
    Username: email,
    Password: password,
    UserAttributes: [{ Name: 'email', Value: email }],
  });
}

export async function confirmSignUp(email: string, code: string): Promise<void> {
  await cognito('ConfirmSignUp', { Username: email, ConfirmationCode: code });
}

export async function resendCode(email: string): Promise<void> {
  await cognito('ResendConfirmationCode', { Username: email });
}

export async function signIn(email: string, password: string): Promise<void> {
  const answer = await cognito<AuthenticationResult>('InitiateAuth', {
    AuthFlow: 'USER_PASSWORD_AUTH',
    AuthParameters: { USERNAME: email, PASSWORD: password },
  });
  if (!answer.AuthenticationResult) {
    throw new AuthError('Challenge', 'This account needs a step that this shop does not offer.');
  }
  accept(answer.AuthenticationResult);
}

export async function signOut(): Promise<void> {
  const revoked = refreshToken.get();
  leave();
  if (revoked) await cognito('RevokeToken', { Token: revoked }).catch(() => undefined);
}

// Signing out in one tab signs out in all of them.
addEventListener('storage', (event) => {
  if (event.key === 'saga.refresh-token' && event.newValue === null) leave();
});

async function renew(): Promise<void> {
  try {
    const answer = await cognito<AuthenticationResult>('InitiateAuth', {
      AuthFlow: 'REFRESH_TOKEN_AUTH',
      AuthParameters: { REFRESH_TOKEN: refreshToken.get() },
    });
    if (answer.AuthenticationResult) accept(answer.AuthenticationResult);
  } catch (error) {
    const isRefused = error instanceof AuthError && error.code !== 'Unreachable';
    if (!isRefused) throw error;
    leave();
  }
}

function accept(issued: Tokens): void {
  tokens = issued;
  if (issued.RefreshToken) refreshToken.set(issued.RefreshToken);
  const email = String(claimsOf(issued.IdToken).email ?? '');
  if (session.value?.email !== email) session.value = { email };
}

function leave(): void {
  tokens = null;
  refreshToken.set(null);
  if (session.value) session.value = null;
}

/** Read for display and timing only; whether the token is genuine is for the API to decide. */
function claimsOf(jwt: string): Record<string, unknown> {
  const base64 = jwt.split('.')[1].replace(/-/g, '+').replace(/_/g, '/');
  const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
}

const expiryOf = (jwt: string) => Number(claimsOf(jwt).exp) * 1000;

async function cognito<T>(action: string, request: object): Promise<T> {
  const answer = await post(action, request);
  const body = await answer.json().catch(() => ({}));
  if (answer.ok) return body;
  const code = String(body.__type ?? 'Unknown').replace(/^.*#/, '').replace(/Exception$/, '');
  throw new AuthError(code, SAYINGS[code] ?? body.message ?? 'The sign-in desk did not understand that.');
}

async function post(action: string, request: object): Promise<Response> {
  try {
    const { cognito_endpoint, user_pool_client_id } = await config();
    const answer = await fetch(cognito_endpoint, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/x-amz-json-1.1',
        'X-Amz-Target': `AWSCognitoIdentityProviderService.${action}`,
      },
      body: JSON.stringify({ ClientId: user_pool_client_id, ...request }),
    });
    if (answer.status < 500) return answer;
  } catch {
    // Falls through to the same words: nobody answered.
  }
  throw new AuthError('Unreachable', SAYINGS.Unreachable);
}
