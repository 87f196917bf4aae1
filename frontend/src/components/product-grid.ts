import { Task } from '@lit/task';
import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { repeat } from 'lit/directives/repeat.js';
import { listProducts, type Product, type ProductFilter } from '../api';
import { GrowingList } from '../pager';
import { hasPrices, type Selection } from '../selection';
import { complain } from '../toast';
import { LightElement } from './light-element';
import './list-controls';
import { productCard } from './product-card';
import { emptyState, errorState } from './states';

const FIRST_ROW = 4;

/** Products of one shelf or one search, page after page. */
@customElement('product-grid')
export class ProductGrid extends LightElement {
  @property() category = '';
  @property() q = '';
  @property({ type: Number }) limit = Infinity;
  @property() except = '';
  /** Given one, the grid has controls, whose `choose` the page answers with another one. */
  @property({ attribute: false }) selection?: Selection;
  private meant = '';
  private list = new GrowingList<Product>(() => this.requestUpdate());

  private first = new Task(this, {
    args: () => [this.category, this.q, this.selection] as const,
    task: async (_, { signal }) => {
      const page = await listProducts(this.filter, signal);
      this.meant = page.did_you_mean ?? '';
      this.list.start(page);
    },
  });

  protected override render() {
    const { selection } = this;
    return html`
      ${selection
        ? html`<list-controls .selection=${selection} usual=${this.q ? 'Best match' : 'Name'}></list-controls>`
        : nothing}
      ${this.products()}
    `;
  }

  private products() {
    return this.first.render({
      initial: () => skeletons,
      pending: () => (this.list.items.length ? this.grid('is-stale') : skeletons),
      error: (error) => errorState(error, () => this.first.run()),
      complete: () => (this.shown.length || this.list.hasMore ? this.grid() : this.nothingHere()),
    });
  }

  private get filter(): ProductFilter {
    return { category: this.category, q: this.q, ...this.selection };
  }

  private get hasPrices(): boolean {
    return hasPrices(this.selection ?? {});
  }

  private get shown(): Product[] {
    return this.list.items.filter(({ sku }) => sku !== this.except).slice(0, this.limit);
  }

  private grid(state = ''): TemplateResult {
    return html`
      ${this.q || this.hasPrices ? html`<p class="count" role="status" dir="auto">${this.found()}</p>` : nothing}
      <ul class="grid ${state}">
        ${repeat(
          this.shown,
          ({ sku }) => sku,
          (product, index) => html`<li>${productCard(product, index < FIRST_ROW)}</li>`,
        )}
      </ul>
      ${this.list.hasMore && this.limit === Infinity
        ? html`
            <button class="button button-quiet more" ?disabled=${this.list.isLoading} @click=${this.loadMore}>
              ${this.list.isLoading ? 'Fetching…' : 'Show more'}
            </button>
          `
        : nothing}
    `;
  }

  private found() {
    const count = `${this.list.items.length}${this.list.hasMore ? '+' : ''} ${this.list.items.length === 1 ? 'thing' : 'things'}`;
    if (!this.q) return `${count} at this price`;
    if (!this.meant) return `${count} for “${this.q}”`;
    const address = new URL(location.href);
    address.searchParams.set('q', this.meant);
    return html`Did you mean <a class="text-link" href="${address.pathname}${address.search}">${this.meant}</a>? ${count} found.`;
  }

  private nothingHere() {
    if (this.except) return nothing;
    const words = this.hasPrices
      ? { title: 'Nothing at this price', text: 'Try a wider range.' }
      : this.q
        ? { title: `Nothing called “${this.q}”`, text: 'Try another word, or walk along the shelves.' }
        : { title: 'This shelf is bare', text: 'The next boat brings more. Meanwhile, look at the others.' };
    return html`
      <div role="status">
        ${emptyState({ art: 'carry', ...words, action: html`<a class="button button-quiet" href="/">All shelves</a>` })}
      </div>
    `;
  }

  private loadMore(): Promise<void> {
    const { filter } = this;
    return this.list.more((cursor) => listProducts({ ...filter, cursor })).catch(complain);
  }
}

const skeletons = html`
  <p class="visually-hidden" role="status">Fetching goods…</p>
  <ul class="grid" aria-hidden="true">
    ${Array.from(
      { length: 8 },
      () => html`<li class="card"><i class="skeleton card-picture"></i><i class="skeleton"></i><i class="skeleton short"></i></li>`,
    )}
  </ul>
`;
