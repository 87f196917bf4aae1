import { html, nothing, type TemplateResult } from 'lit';
import { Problem } from '../api';
import { AuthError } from '../auth';
import { categoryArt } from './category-art';

interface Words {
  art: string;
  title: string;
  text: string;
  action?: TemplateResult;
  /** It is all that the page has to say, so its title is the page's. */
  isWholePage?: boolean;
}

export const emptyState = ({ art, title, text, action, isWholePage }: Words) => html`
  <div class="state">
    ${categoryArt(art)}
    ${isWholePage ? html`<h1 dir="auto">${title}</h1>` : html`<h2 dir="auto">${title}</h2>`}
    <p>${text}</p>
    ${action ?? nothing}
  </div>
`;

/** Says whether the line or the shop is at fault, and offers to try again. */
export function errorState(error: unknown, retry: () => void, isWholePage = false): TemplateResult {
  const isUnreachable =
    (error instanceof Problem && error.isUnreachable) || (error instanceof AuthError && error.code === 'Unreachable');
  const words = isUnreachable
    ? { art: 'camp', title: 'No signal out here', text: 'We cannot reach the shop. Check your connection and try again.' }
    : { art: 'kitchen', title: 'Something boiled over', text: 'The shop could not answer. It is us, not you.' };
  return html`
    <div role="alert">
      ${emptyState({ ...words, isWholePage, action: html`<button class="button" @click=${retry}>Try again</button>` })}
    </div>
  `;
}

export const skeletonLines = (count: number) => html`
  <div class="skeleton-lines" aria-hidden="true">${Array.from({ length: count }, () => html`<i class="skeleton"></i>`)}</div>
`;
