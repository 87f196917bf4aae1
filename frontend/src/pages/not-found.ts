import { html } from 'lit';
import { customElement } from 'lit/decorators.js';
import { fjord } from '../components/fjord';
import { LightElement } from '../components/light-element';
import { openSearch } from '../components/search-box';
import { setTitle } from '../title';

@customElement('not-found-page')
export class NotFoundPage extends LightElement {
  override connectedCallback(): void {
    super.connectedCallback();
    setTitle('Off the map', { isUnlisted: true });
  }

  protected override render() {
    return html`
      <section class="hero hero-lost">
        ${fjord}
        <div class="hero-words">
          <p class="eyebrow">Page not found</p>
          <h1>Off the map</h1>
          <p class="lead">The road ends here, and this house is not the one you were looking for. The shop is back the way you came.</p>
          <p class="actions">
            <a class="button" href="/">Back to the shop</a>
            <button class="button button-quiet" @click=${openSearch}>Look for something</button>
          </p>
        </div>
      </section>
    `;
  }
}
