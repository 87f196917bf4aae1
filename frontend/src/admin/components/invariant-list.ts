import { html, nothing, type TemplateResult } from 'lit';
import { icons } from '../../components/icons';
import type { Audit } from '../api';
import { clockTime } from './format';

type Invariant = Audit['promises'][number];

/** The auditor's invariants: how many objects each was checked on, and which objects violate it. */
export function invariantList({ promises, read_at }: Audit): TemplateResult {
  const broken = promises.filter(({ violated }) => violated).length;
  const verdict = broken ? `${broken} of ${promises.length} invariants ${broken === 1 ? 'is' : 'are'} violated` : `All ${promises.length} invariants hold`;
  return html`
    <section class="panel invariants" aria-labelledby="invariants" data-testid="invariants" data-broken=${broken}>
      <header class="panel-head">
        <h2 id="invariants" class=${broken ? 'is-bad' : 'is-good'}><span role="status" data-testid="verdict">${verdict}</span></h2>
        <span class="quiet">checked at ${clockTime(read_at)}</span>
      </header>
      <ol>${promises.map(row)}</ol>
    </section>
  `;
}

function row({ promise, checked, violated, violations }: Invariant): TemplateResult {
  const state = violated ? 'broken' : checked ? 'kept' : 'idle';
  return html`
    <li data-state=${state}>
      ${violated ? icons.close : checked ? icons.check : icons.minus}
      <span>${promise}<span class="visually-hidden">: ${STATES[state]}</span></span>
      <span class="checked">${violated ? html`<strong>${violated} of ${checked}</strong>` : checked ? `${checked} checked` : 'nothing to check'}</span>
      ${violated ? html`<ul class="violations">${violations.map(({ subject, text }) => html`<li><code>${subject}</code> ${text}</li>`)}</ul>` : nothing}
      ${violated > violations.length ? html`<p class="small-print">and ${violated - violations.length} more: <code>make audit</code></p>` : nothing}
    </li>
  `;
}

const STATES = { broken: 'violated', kept: 'holds', idle: 'nothing to check' };
