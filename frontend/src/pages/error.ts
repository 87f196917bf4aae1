import { html } from 'lit';
import { customElement } from 'lit/decorators.js';
import { categoryArt } from '../components/category-art';
import { LightElement } from '../components/light-element';
import { setTitle } from '../title';

/** A page that could not be fetched, or broke: most often the shop was renewed since this window was opened. */
@customElement('error-page')
export class ErrorPage extends LightElement {
  override connectedCallback(): void {
    super.connectedCallback();
    setTitle('That page is stuck', { isUnlisted: true });
  }

  protected override render() {
    const isOffline = !navigator.onLine;
    return html`
      <section class="section state" role="alert">
        ${categoryArt(isOffline ? 'camp' : 'kitchen')}
        <h1>${isOffline ? 'No signal out here' : 'That page is stuck'}</h1>
        <p>
          ${isOffline
            ? 'This page could not be fetched, as you are offline. Your cart and your orders are safe with us.'
            : 'It could not be opened. Perhaps the shop was renewed since you came in: loading it anew often helps.'}
        </p>
        <p class="actions">
          <button class="button" @click=${() => location.reload()}>Load it anew</button>
          <a class="button button-quiet" href="/">Back to the shop</a>
        </p>
      </section>
    `;
  }
}
