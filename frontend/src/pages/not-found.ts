import { html } from 'lit';
import { customElement } from 'lit/decorators.js';
import { LightElement } from '../components/light-element';
import { categoryArt } from '../components/category-art';
import { setTitle } from '../title';

@customElement('not-found-page')
export class NotFoundPage extends LightElement {
  override connectedCallback(): void {
    super.connectedCallback();
    setTitle('Off the map', { isUnlisted: true });
  }

  protected override render() {
    return html`
      <section class="section state">
        ${categoryArt('camp')}
        <h1>Off the map</h1>
        <p>The road ends here and there is no house. The shop is back the way you came.</p>
        <a class="button" href="/">Back to the shop</a>
      </section>
    `;
  }
}
