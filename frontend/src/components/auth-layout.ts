import { html, type TemplateResult } from 'lit';
import { fjord } from './fjord';

/** Layout of the pages around an account: a form beside the view. */
export const authLayout = (title: string, lead: string, inside: TemplateResult) => html`
  <section class="auth-layout">
    <div class="auth-layout-form">
      <h1>${title}</h1>
      <p class="lead">${lead}</p>
      ${inside}
    </div>
    <div class="auth-layout-view">${fjord}</div>
  </section>
`;
