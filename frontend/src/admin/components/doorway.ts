import { html, type TemplateResult } from 'lit';
import { session, signOut } from '../../auth';

export type Refusal = 'guest' | 'customer' | 'unreachable';

/** What is said to who may not come in. */
export function doorway(refusal: Refusal, path: string, retry: () => void): TemplateResult {
  const { title, text, action } = WORDS[refusal](path, retry);
  return html`
    <section class="doorway" data-testid="console-doorway" data-refusal=${refusal}>
      <h1>${title}</h1>
      <p>${text}</p>
      <div class="actions">${action}<a class="button button-quiet" href="/">To the shop</a></div>
    </section>
  `;
}

const signInFrom = (path: string) => `/sign-in?next=${encodeURIComponent(path)}`;

const WORDS: Record<Refusal, (path: string, retry: () => void) => { title: string; text: string; action: TemplateResult }> = {
  guest: (path) => ({
    title: 'Keepers only',
    text: 'This is the room behind the counter. Sign in as one of the shop’s keepers to come in.',
    action: html`<a class="button" href=${signInFrom(path)}>Sign in</a>`,
  }),
  customer: (path) => ({
    title: 'Keepers only',
    text: `${session.value?.email ?? 'This account'} is a customer’s account, and this is the room behind the counter.`,
    action: html`<button class="button" @click=${() => void signInAsSomebodyElse(path)}>Sign in as somebody else</button>`,
  }),
  unreachable: (_, retry) => ({
    title: 'Nobody answers',
    text: 'The sign-in desk cannot be reached, so we do not know who you are. Check the connection and try again.',
    action: html`<button class="button" @click=${retry}>Try again</button>`,
  }),
};

async function signInAsSomebodyElse(path: string): Promise<void> {
  await signOut();
  location.assign(signInFrom(path));
}
