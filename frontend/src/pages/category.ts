import { Task } from '@lit/task';
import { html } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { listCategories } from '../api';
import { categoryArt } from '../components/category-art';
import { LightElement } from '../components/light-element';
import '../components/product-grid';
import { withSelection, type Selection } from '../selection';
import { setTitle } from '../title';

const INTROS: Record<string, string> = {
  camp: 'Canvas, steel and rope for nights with no walls. Pitched before they were packed.',
  kitchen: 'Iron, clay and wood for things that want time, and for people who have some.',
  light: 'Flame and glow for the half of the year when the sun stays in bed.',
  carry: 'Bags and baskets that take the weight, the rain and the odd wet dog.',
  wear: 'Wool, mostly. For sideways rain, slow boats and early mornings.',
  paper: 'For the parts you want to remember in your own hand.',
};

@customElement('category-page')
export class CategoryPage extends LightElement {
  @property() category = '';
  @property({ attribute: false }) selection: Selection = {};

  private named = new Task(this, {
    args: () => [this.category],
    task: async ([id]) => {
      const found = (await listCategories()).find((category) => category.id === id);
      const name = found?.name ?? id;
      setTitle(name, { description: INTROS[id] });
      return name;
    },
  });

  protected override render() {
    const name = this.named.render({
      pending: () => html`<i class="skeleton title"></i>`,
      complete: (found) => found,
      error: () => this.category,
    });
    return html`
      <header class="shelf-head shelf-${this.category}">
        <div class="shelf-head-inner">
          <div>
            <p class="eyebrow">Shelf</p>
            <h1 dir="auto">${name}</h1>
            <p class="lead">${INTROS[this.category] ?? 'Goods for long stories.'}</p>
          </div>
          ${categoryArt(this.category)}
        </div>
      </header>
      <section class="section" aria-labelledby="items">
        <h2 class="visually-hidden" id="items">Goods on this shelf</h2>
        <product-grid .category=${this.category} .selection=${this.selection} @choose=${this.choose}></product-grid>
      </section>
    `;
  }

  private choose({ detail }: CustomEvent<Selection>): void {
    this.selection = detail;
    history.replaceState(history.state, '', withSelection(location.href, detail));
  }
}
