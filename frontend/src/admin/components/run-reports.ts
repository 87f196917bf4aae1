import { html, nothing } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import { LightElement } from '../../components/light-element';
import { openLater } from '../../open-later';
import { complain } from '../../toast';
import { runReports, type RunReport } from '../api';
import { dayTime } from './format';

const SHOWN = 8;

/** Reports of the test bed's latest runs. Each opens in a window of its own. */
@customElement('run-reports')
export class RunReports extends LightElement {
  @state() private reports: RunReport[] | null = null;

  override connectedCallback(): void {
    super.connectedCallback();
    void runReports().then(({ items }) => (this.reports = items.slice(0, SHOWN)), complain);
  }

  protected override render() {
    if (!this.reports) return nothing;
    return html`
      <section class="panel" aria-labelledby="runs" data-testid="run-reports">
        <header class="panel-head"><h2 id="runs">Runs of the test bed</h2><span class="quiet">newest first</span></header>
        ${this.reports.length
          ? html`
              <table>
                <thead class="visually-hidden"><tr><th scope="col">Run</th><th scope="col">Written</th><th scope="col">Report</th></tr></thead>
                <tbody>${this.reports.map((report) => this.row(report))}</tbody>
              </table>
            `
          : html`<p class="empty">None yet. <code>make simulate</code> and <code>make chaos</code> add their reports.</p>`}
      </section>
    `;
  }

  private row({ name, written_at }: RunReport) {
    const run = runOf(name);
    return html`
      <tr>
        <th scope="row" class="mono">${run}</th>
        <td class="optional">${dayTime(written_at)}</td>
        <td class="number">
          <button class="button button-quiet button-small" aria-label="Open ${run}" @click=${() => this.open(name)}>Open</button>
        </td>
      </tr>
    `;
  }

  /** Asks for the address again, because the listed one expires. */
  private async open(name: string): Promise<void> {
    try {
      await openLater(async () => {
        const { items } = await runReports();
        const found = items.find((each) => each.name === name);
        if (!found) throw new Error('This report no longer exists.');
        return found.url;
      });
    } catch (error) {
      complain(error);
    }
  }
}

const runOf = (file: string) => file.replace(/\.html$/, '');
