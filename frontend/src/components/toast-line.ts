import { html, nothing } from 'lit';
import { customElement } from 'lit/decorators.js';
import { Watch } from '../store';
import { toast } from '../toast';
import { icons } from './icons';
import { LightElement } from './light-element';

/** One short message at the foot of the page, read aloud and gone after a while. */
@customElement('toast-line')
export class ToastLine extends LightElement {
  constructor() {
    super();
    new Watch(this, toast);
  }

  protected override render() {
    const shown = toast.value;
    return html`
      <div class="toast-place" role="status">
        ${shown
          ? html`
              <div class="toast toast-${shown.tone}">
                <span dir="auto">${shown.text}</span>
                <button aria-label="Dismiss" @click=${() => (toast.value = null)}>${icons.close}</button>
              </div>
            `
          : nothing}
      </div>
    `;
  }
}
