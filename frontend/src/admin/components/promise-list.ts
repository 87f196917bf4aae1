import { html, nothing, type TemplateResult } from 'lit';
import { icons } from '../../components/icons';
import type { Audit } from '../api';
import { clockTime } from './words';

type Promised = Audit['promises'][number];

/** Every promise of the shop, on how many things it was checked, and what breaks it. */
export function promiseList({ promises, read_at }: Audit): TemplateResult {
  const broken = promises.filter(({ violated }) => violated).length;
  const verdict = broken ? `${broken} of ${promises.length} promises ${broken === 1 ? 'is' : 'are'} broken` : `All ${promises.length} promises hold`;
  return html`
    <section class="panel promises" aria-labelledby="promises" data-testid="promises" data-broken=${broken}>
      <header class="panel-head">
        <h2 id="promises" class=${broken ? 'is-bad' : 'is-good'}><span role="status" data-testid="verdict">${verdict}</span></h2>
        <span class="quiet">read at ${clockTime(read_at)}</span>
      </header>
      <ol>${promises.map(promise)}</ol>
    </section>
  `;
}

function promise({ promise, checked, violated, violations }: Promised): TemplateResult {
  const state = violated ? 'broken' : checked ? 'kept' : 'idle';
  return html`
    <li data-state=${state}>
      ${violated ? icons.close : checked ? icons.check : icons.minus}
      <span>${promise}<span class="visually-hidden">: ${SAID[state]}</span></span>
      <span class="checked">${violated ? html`<strong>${violated} of ${checked}</strong>` : checked ? `${checked} checked` : 'nothing to check'}</span>
      ${violated ? html`<ul class="violations">${violations.map(({ subject, text }) => html`<li><code>${subject}</code> ${text}</li>`)}</ul>` : nothing}
      ${violated > violations.length ? html`<p class="small-print">and ${violated - violations.length} more: <code>make audit</code></p>` : nothing}
    </li>
  `;
}

const SAID = { broken: 'broken', kept: 'kept', idle: 'nothing to check' };
