/** What the console shows to a person who may not use it. */
import { html, type TemplateResult } from 'lit';
import { session, signOut } from '../../auth';

export type Refusal = 'guest' | 'customer' | 'unreachable';

export function authLayout(refusal: Refusal, path: string, retry: () => void): TemplateResult {
  const { title, text, action } = REFUSALS[refusal](path, retry);
  return html`
    <section class="auth-layout" data-testid="console-refusal" data-refusal=${refusal}>
      <h1>${title}</h1>
      <p>${text}</p>
      <div class="actions">${action}<a class="button button-quiet" href="/">To the shop</a></div>
    </section>
  `;
}

const signInFrom = (path: string) => `/sign-in?next=${encodeURIComponent(path)}`;

const REFUSALS: Record<Refusal, (path: string, retry: () => void) => { title: string; text: string; action: TemplateResult }> = {
  guest: (path) => ({
    title: 'Sign in',
    text: 'The console is for administrators of the shop. Sign in with an administrator’s account.',
    action: html`<a class="button" href=${signInFrom(path)}>Sign in</a>`,
  }),
  customer: (path) => ({
    title: 'Administrators only',
    text: `${session.value?.email ?? 'This account'} is not an administrator of the shop.`,
    action: html`<button class="button" @click=${() => void changeAccount(path)}>Use another account</button>`,
  }),
  unreachable: (_, retry) => ({
    title: 'Sign-in unavailable',
    text: 'The sign-in service cannot be reached, so your rights are unknown. Check the connection and try again.',
    action: html`<button class="button" @click=${retry}>Try again</button>`,
  }),
};

async function changeAccount(path: string): Promise<void> {
  await signOut();
  location.assign(signInFrom(path));
}
