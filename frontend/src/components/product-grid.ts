import { Task } from '@lit/task';
import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { repeat } from 'lit/directives/repeat.js';
import { listProducts, type Product } from '../api';
import { complain } from '../toast';
import { LightElement } from './light-element';
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
  @state() private products: Product[] = [];
  @state() private cursor: string | null = null;
  @state() private isLoadingMore = false;

  private first = new Task(this, {
    args: () => [this.category, this.q] as const,
    task: async ([category, q], { signal }) => {
      const page = await listProducts({ category, q }, signal);
      this.products = page.items;
      this.cursor = page.next_cursor;
    },
  });

  protected override render() {
    return this.first.render({
      initial: () => skeletons,
      pending: () => (this.products.length ? this.grid('is-stale') : skeletons),
      error: (error) => errorState(error, () => this.first.run()),
      complete: () => (this.shown.length ? this.grid() : this.nothingHere()),
    });
  }

  private get shown(): Product[] {
    return this.products.filter(({ sku }) => sku !== this.except).slice(0, this.limit);
  }

  private grid(state = ''): TemplateResult {
    return html`
      ${this.q ? html`<p class="count" role="status" dir="auto">${this.found()}</p>` : nothing}
      <ul class="grid ${state}">
        ${repeat(
          this.shown,
          ({ sku }) => sku,
          (product, index) => html`<li>${productCard(product, index < FIRST_ROW)}</li>`,
        )}
      </ul>
      ${this.cursor && this.limit === Infinity
        ? html`
            <button class="button button-quiet more" ?disabled=${this.isLoadingMore} @click=${this.loadMore}>
              ${this.isLoadingMore ? 'Fetching…' : 'Show more'}
            </button>
          `
        : nothing}
    `;
  }

  private found(): string {
    const count = `${this.products.length}${this.cursor ? '+' : ''}`;
    return `${count} ${this.products.length === 1 ? 'thing' : 'things'} for “${this.q}”`;
  }

  private nothingHere() {
    if (this.except) return nothing;
    const words = this.q
      ? { title: `Nothing called “${this.q}”`, text: 'Try a shorter word, or walk along the shelves.' }
      : { title: 'This shelf is bare', text: 'The next boat brings more. Meanwhile, look at the others.' };
    return html`
      <div role="status">
        ${emptyState({ art: 'carry', ...words, action: html`<a class="button button-quiet" href="/">All shelves</a>` })}
      </div>
    `;
  }

  private async loadMore() {
    this.isLoadingMore = true;
    try {
      const page = await listProducts({ category: this.category, q: this.q, cursor: this.cursor });
      this.products = [...this.products, ...page.items];
      this.cursor = page.next_cursor;
    } catch (error) {
      complain(error);
    }
    this.isLoadingMore = false;
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
