import { html, nothing } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import { session, signOut } from '../auth';
import { config } from '../config';
import { navigate } from '../router';
import { SHOP } from '../shop';
import { Watch } from '../store';
import { complain, say } from '../toast';
import { LightElement } from './light-element';
import { wordmark } from './wordmark';

@customElement('shop-footer')
export class ShopFooter extends LightElement {
  @state() private isSandbox = false;

  constructor() {
    super();
    new Watch(this, session);
    config().then(
      ({ sandbox }) => (this.isSandbox = sandbox),
      () => undefined,
    );
  }

  protected override render() {
    return html`
      <div class="knit knit-footer" aria-hidden="true"></div>
      <footer class="foot">
        <div class="foot-inner">
          <div class="foot-brand">
            <a class="home-link" href="/" aria-label="${SHOP.name}, home">${wordmark}</a>
            <p>${SHOP.tagline}. A small general store where every order ends well or is unwound, step by step.</p>
          </div>
          <nav aria-label="Shop">
            <ul>
              <li><a href="/search">Search</a></li>
              <li><a href="/cart">Cart</a></li>
              <li><a href="/orders">Your orders</a></li>
              <li><a href="/find-order">Find my order</a></li>
              <li><a href="/account">Your account</a></li>
              <li>
                ${session.value
                  ? html`<button class="text-link" @click=${leave}>Sign out</button>`
                  : html`<a href="/sign-in">Sign in</a>`}
              </li>
            </ul>
          </nav>
        </div>
        ${this.isSandbox
          ? html`<p class="foot-note"><span class="sandbox-tag">Sandbox</span> This shop is a demo. It takes no money and ships nothing.</p>`
          : nothing}
      </footer>
    `;
  }
}

async function leave(): Promise<void> {
  try {
    await signOut();
  } catch (error) {
    return complain(error);
  }
  say('Signed out. Mind the step.');
  navigate('/');
}
