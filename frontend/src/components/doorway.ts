import { html, type TemplateResult } from 'lit';
import { fjord } from './fjord';

/** The frame around signing in, signing up and confirming: a form beside the view. */
export const doorway = (title: string, lead: string, inside: TemplateResult) => html`
  <section class="doorway">
    <div class="doorway-form">
      <h1>${title}</h1>
      <p class="lead">${lead}</p>
      ${inside}
    </div>
    <div class="doorway-view">${fjord}</div>
  </section>
`;
