import { html, nothing } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import { LightElement } from './light-element';

/** Says that the browser has no line, as long as it has none. */
@customElement('offline-line')
export class OfflineLine extends LightElement {
  @state() private isOffline = !navigator.onLine;

  override connectedCallback(): void {
    super.connectedCallback();
    addEventListener('online', this.look);
    addEventListener('offline', this.look);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener('online', this.look);
    removeEventListener('offline', this.look);
  }

  protected override render() {
    return html`
      <div role="status">
        ${this.isOffline
          ? html`<p class="offline-line" data-testid="offline">You are offline. What you see may be old, and nothing can be ordered until the line is back.</p>`
          : nothing}
      </div>
    `;
  }

  private look = (): void => {
    this.isOffline = !navigator.onLine;
  };
}
