import { html, nothing, type TemplateResult } from 'lit';
import type { Difference } from '../product-fields';

/** Conflict panel: what another operator saved while this form was open, and the two ways to continue. */
export const conflictPanel = (found: Difference[], { keep, discard }: { keep: () => void; discard: () => void }): TemplateResult => html`
  <div class="notice notice-bad conflict" role="alert" data-testid="conflict">
    <h2 tabindex="-1">This product has changed</h2>
    <p>Your changes are not saved yet.</p>
    <dl>
      ${found.map(
        ({ name, before, theirs, mine }) => html`
          <div>
            <dt>${name}</dt>
            <dd><del dir="auto">${before || 'empty'}</del> is now <ins dir="auto">${theirs || 'empty'}</ins>${mine === null ? nothing : html`; you wrote <b dir="auto">${mine || 'empty'}</b>`}</dd>
          </div>
        `,
      )}
    </dl>
    <div class="actions">
      <button type="button" class="button" @click=${keep} data-testid="keep-mine">Apply my changes to the new version</button>
      <button type="button" class="button button-quiet" @click=${discard} data-testid="take-theirs">Discard my changes</button>
    </div>
    <p class="small-print">You can review the result before you save.</p>
  </div>
`;
