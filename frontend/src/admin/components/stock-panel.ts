import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { LightElement } from '../../components/light-element';
import { formatDayAndTime } from '../../dates';
import { complain, say } from '../../toast';
import { getStock, moveStock, setStock, type Movement, type Shelf, type Stock } from '../catalog-api';
import { Attempt } from '../attempt';
import { Poll } from '../poll';
import { pager } from './pager';
import { trouble } from './words';

const PAUSE_MS = 5_000;
const COUNTERS: [keyof Omit<Stock, 'sku'>, string][] = [
  ['available', 'On the shelf'],
  ['reserved', 'Set aside for orders'],
  ['sold', 'Sold'],
  ['received', 'Received in all'],
];

/** How many units of a product there are, how they came, and a form to change that. */
@customElement('admin-stock-panel')
export class AdminStockPanel extends LightElement {
  @property() sku = '';
  @state() private shelf: Shelf | null = null;
  @state() private isChanging = false;
  @state() private isCounted = false;
  /** Where the pages of movements before this one began, newest first; the first page begins at null. */
  @state() private cursors: (string | null)[] = [null];
  private attempt = new Attempt();
  private poll = new Poll(this, (signal) => this.count(signal), () => PAUSE_MS);

  protected override render(): TemplateResult {
    const { shelf } = this;
    return html`
      <section class="panel form" aria-labelledby="stock">
        <h2 id="stock">Stock</h2>
        ${this.poll.state === 'lost' ? trouble(this.poll.error) : nothing}
        <dl class="counters">
          ${COUNTERS.map(([counter, name]) => html`<div><dt>${name}</dt><dd data-testid="stock-${counter}">${shelf?.[counter] ?? '…'}</dd></div>`)}
        </dl>
        ${this.form()}
        <p class="small-print">On the shelf + set aside + sold = received, always. On hand is what is on the shelf and what is set aside.</p>
        ${shelf?.movements.length
          ? html`
              <h3>What came and went</h3>
              <ol class="movements" data-testid="movements">${shelf.movements.map(movement)}</ol>
              ${pager(this.cursors, shelf.next_cursor, (cursors) => this.turnTo(cursors))}
              <p class="small-print">By hand and with files. What orders took and brought back is in the orders.</p>
            `
          : nothing}
      </section>
    `;
  }

  private form(): TemplateResult {
    const label = this.isCounted ? 'On hand, as counted' : 'Received, or taken away (−)';
    return html`
      <form class="filters" @submit=${this.change} aria-label="Change the stock" aria-busy=${this.isChanging}>
        <label class="filter">How
          <select name="how" data-testid="stock-how" @change=${(event: Event) => (this.isCounted = (event.target as HTMLSelectElement).value === 'set')}>
            <option value="add">Add or take away</option>
            <option value="set">Set to a count</option>
          </select>
        </label>
        <label class="filter">${label}
          <input name="units" type="number" min=${this.isCounted ? 0 : -100000} max=${this.isCounted ? 1000000 : 100000} step="1" required data-testid="delta">
        </label>
        <label class="filter filter-wide">Why
          <input name="note" maxlength="200" autocomplete="off" data-testid="note">
        </label>
        <button class="button button-quiet" ?disabled=${this.isChanging} data-testid="move-stock">${this.isChanging ? 'Changing…' : 'Change'}</button>
      </form>
    `;
  }

  private async count(signal: AbortSignal): Promise<void> {
    const shelf = await getStock(this.sku, this.cursors[0], signal);
    if (!signal.aborted) this.shelf = shelf;
  }

  private turnTo(cursors: (string | null)[]): void {
    this.cursors = cursors;
    this.poll.again();
  }

  private async change(event: Event): Promise<void> {
    event.preventDefault();
    if (this.isChanging) return;
    const form = event.target as HTMLFormElement;
    const fields = new FormData(form);
    const units = Number(fields.get('units'));
    const note = String(fields.get('note'));
    const act = this.isCounted ? setStock : moveStock;
    this.isChanging = true;
    try {
      const stock = await this.attempt.run([this.isCounted, units, note], (key) => act(this.sku, units, note, key));
      form.reset();
      this.isCounted = false;
      say(`${stock.available} on the shelf now.`);
      this.turnTo([null]);
    } catch (error) {
      complain(error);
    } finally {
      this.isChanging = false;
    }
  }
}

const movement = ({ at, delta, note, by }: Movement): TemplateResult => html`
  <li>
    <strong>${delta > 0 ? '+' : '−'}${Math.abs(delta)}</strong>
    <span><span dir="auto">${note || 'No reason given'}</span><small>${formatDayAndTime(at)}${by ? ` · ${by}` : nothing}</small></span>
  </li>
`;
