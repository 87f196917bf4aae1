import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { LightElement } from '../../components/light-element';
import { formatDayAndTime } from '../../dates';
import { complain, say } from '../../toast';
import { getStock, moveStock, setStock, splitStock, type Movement, type Stock } from '../catalog-api';
import { Attempt } from '../attempt';
import { PagedList } from '../paged-list';
import { errorNotice } from './format';

const PAUSE_MS = 5_000;
const MOST_SHARDS = 16;
const COUNTERS: [keyof Omit<Stock, 'sku' | 'shards'>, string][] = [
  ['available', 'Available'],
  ['reserved', 'Reserved'],
  ['sold', 'Sold'],
  ['received', 'Received in total'],
];

/** Stock of a product: its levels, its adjustments, and a form to change it. */
@customElement('admin-stock-panel')
export class AdminStockPanel extends LightElement {
  @property() sku = '';
  @state() private isChanging = false;
  @state() private isCounted = false;
  @state() private isSplitting = false;
  private attempt = new Attempt();
  private ledger = new PagedList(this, (cursor, signal) => getStock(this.sku, cursor, signal), () => PAUSE_MS);

  protected override render(): TemplateResult {
    const { page: stock, poll } = this.ledger;
    return html`
      <section class="panel form" aria-labelledby="stock">
        <h2 id="stock">Stock</h2>
        ${poll.state === 'lost' ? errorNotice(poll.error) : nothing}
        <dl class="counters">
          ${COUNTERS.map(([counter, name]) => html`<div><dt>${name}</dt><dd data-testid="stock-${counter}">${stock?.[counter] ?? '…'}</dd></div>`)}
        </dl>
        ${this.form()}
        <p class="small-print">Available + reserved + sold = received. Units on hand are those available and those reserved.</p>
        ${stock ? this.shards(stock.shards) : nothing}
        ${stock?.movements.length
          ? html`
              <h3>Adjustments</h3>
              <ol class="movements" data-testid="movements">${stock.movements.map(movement)}</ol>
              ${this.ledger.foot(stock.movements.length, ['Newer', 'Older'])}
              <p class="small-print">Manual adjustments and imports. What orders reserve and return is not listed here.</p>
            `
          : nothing}
      </section>
    `;
  }

  private form(): TemplateResult {
    const label = this.isCounted ? 'Counted units on hand' : 'Units to add, or to remove (−)';
    return html`
      <form class="filters" @submit=${this.change} aria-label="Change the stock" aria-busy=${this.isChanging}>
        <label class="filter">How
          <select name="how" data-testid="stock-how" @change=${(event: Event) => (this.isCounted = (event.target as HTMLSelectElement).value === 'set')}>
            <option value="add">Add or remove</option>
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

  private shards(now: number): TemplateResult {
    return html`
      <form class="filters" @submit=${this.split} aria-label="Split the stock" aria-busy=${this.isSplitting}>
        <label class="filter">Shards, 1 to ${MOST_SHARDS}
          <input name="shards" type="number" min="1" max=${MOST_SHARDS} step="1" value=${now} required data-testid="shards">
        </label>
        <button class="button button-quiet" ?disabled=${this.isSplitting} data-testid="split-stock">${this.isSplitting ? 'Splitting…' : 'Split'}</button>
      </form>
      <p class="small-print" data-testid="shards-now">
        ${now > 1 ? `Counted by ${now} shards.` : 'Counted by one item.'}
        Each takes about 250 orders a second. Split a product before everybody wants it; 1 merges its shards.
      </p>
    `;
  }

  private async split(event: Event): Promise<void> {
    event.preventDefault();
    if (this.isSplitting) return;
    const shards = Number(new FormData(event.target as HTMLFormElement).get('shards'));
    this.isSplitting = true;
    try {
      const stock = await splitStock(this.sku, shards);
      say(stock.shards > 1 ? `Split into ${stock.shards} shards.` : 'Merged into one counter.');
      this.ledger.reload();
    } catch (error) {
      complain(error);
    } finally {
      this.isSplitting = false;
    }
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
      say(`${stock.available} available now.`);
      this.ledger.reload();
    } catch (error) {
      complain(error);
    } finally {
      this.isChanging = false;
    }
  }
}

const movement = ({ at, delta, note, by, shards }: Movement): TemplateResult => html`
  <li>
    <strong>${shards ? `÷${shards}` : `${delta > 0 ? '+' : '−'}${Math.abs(delta)}`}</strong>
    <span><span dir="auto">${note || (shards ? splitNote(shards) : 'No reason given')}</span><small>${formatDayAndTime(at)}${by ? ` · ${by}` : nothing}</small></span>
  </li>
`;

const splitNote = (shards: number): string => (shards > 1 ? `Split into ${shards} shards` : 'Merged into one counter');
