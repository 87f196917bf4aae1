import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { session, signOut } from '../../auth';
import { icons } from '../../components/icons';
import { SHOP } from '../../shop';
import { LightElement } from '../../components/light-element';
import { wordmark } from '../../components/wordmark';
import { Watch } from '../../store';
import { chooseTheme, currentTheme } from '../../theme';

export interface Area {
  href: string;
  name: string;
  icon: TemplateResult;
}

/** Navigation of the console: at the side of a wide window, on top of a narrow one. */
@customElement('console-rail')
export class ConsoleRail extends LightElement {
  @property({ attribute: false }) areas: Area[] = [];
  @property() path = '/admin';

  constructor() {
    super();
    new Watch(this, session);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.requestUpdate());
  }

  protected override render() {
    const theme = currentTheme();
    return html`
      <header class="rail">
        <a class="rail-home" href="/admin" aria-label="${SHOP.name}, console">${wordmark}<span class="rail-tag">Console</span></a>
        <nav aria-label="Console">
          <ul>
            ${this.areas.map(
              ({ href, name, icon }) => html`
                <li><a href=${href} aria-current=${this.path.startsWith(href) ? 'page' : 'false'}>${icon}<span>${name}</span></a></li>
              `,
            )}
          </ul>
        </nav>
        <div class="rail-foot">
          ${session.value ? html`<span class="rail-who" title=${session.value.email}>${session.value.email}</span>` : nothing}
          <a href="/" class="rail-tool">${icons.back}<span>To the shop</span></a>
          <button class="rail-tool" @click=${this.switchTheme} aria-label=${theme === 'dark' ? 'Use light theme' : 'Use dark theme'}>
            ${theme === 'dark' ? icons.sun : icons.moon}<span aria-hidden="true">${theme === 'dark' ? 'Light' : 'Dark'}</span>
          </button>
          ${session.value ? html`<button class="rail-tool" @click=${signOut}>${icons.person}<span>Sign out</span></button>` : nothing}
        </div>
      </header>
    `;
  }

  private switchTheme(): void {
    chooseTheme(currentTheme() === 'dark' ? 'light' : 'dark');
    this.requestUpdate();
  }
}
