import { Task } from '@lit/task';
import { html, nothing } from 'lit';
import { customElement } from 'lit/decorators.js';
import { listCategories, type Category } from '../api';
import { categoryArt } from '../components/category-art';
import { fjord } from '../components/fjord';
import { icons } from '../components/icons';
import { LightElement } from '../components/light-element';
import '../components/product-grid';
import { voyage } from '../components/voyage';
import { itemsComeFirst } from '../experiment';
import { setTitle } from '../title';

const SHELVES = 6;

const LEADS: Record<string, string> = {
  camp: 'For nights with no walls',
  kitchen: 'For the long simmer',
  light: 'For the dark half of the year',
  carry: 'For the way there',
  wear: 'For weather, all of it',
  paper: 'For what happened next',
};

@customElement('home-page')
export class HomePage extends LightElement {
  private categories = new Task(this, { task: () => listCategories(), args: () => [] });

  override connectedCallback(): void {
    super.connectedCallback();
    setTitle();
  }

  protected override render() {
    return html`
      <section class="hero">
        ${fjord}
        <div class="hero-words">
          <p class="eyebrow">General store, end of the fjord road</p>
          <h1>Goods for <br>long stories</h1>
          <p class="lead">Plain, sturdy things for camp, kitchen and the dark half of the year. Made to be carried far, mended twice and told about.</p>
          <p class="actions">
            <a class="button" href="#counter" @click=${toCounter}>See the goods</a>
            <a class="button button-quiet" href="/category/light">Find some light</a>
          </p>
        </div>
      </section>
      <div class="knit" aria-hidden="true"></div>

      ${itemsComeFirst ? [this.counter(), this.shelvesOrNothing()] : [this.shelvesOrNothing(), this.counter()]}
      ${promises}
    `;
  }

  private counter() {
    return html`
      <section class="section" id="counter" tabindex="-1" aria-labelledby="counter-title">
        <header class="section-head">
          <h2 id="counter-title">On the counter</h2>
          <p><a class="text-link" href="/search">All our goods ${icons.arrow}</a></p>
        </header>
        <product-grid .limit=${8}></product-grid>
      </section>
    `;
  }

  private shelvesOrNothing() {
    return this.categories.render({
      pending: () => this.shelves([]),
      complete: (found) => this.shelves(found),
      error: () => nothing,
    });
  }

  private shelves(found: Category[]) {
    return html`
      <section class="section" aria-labelledby="shelves-title">
        <header class="section-head">
          <h2 id="shelves-title" tabindex="-1">${found.length > SHELVES ? `${found.length} shelves` : 'Six shelves'}</h2>
          <p>Everything has its place.</p>
        </header>
        <ul class="shelves">
          ${found.length ? nothing : Array.from({ length: SHELVES }, () => html`<li class="skeleton shelf"></li>`)}
          ${found.map(
            ({ id, name }) => html`
              <li>
                <a class="shelf shelf-${id}" href="/category/${id}">
                  ${categoryArt(id)}
                  <span class="shelf-name" dir="auto">${name}</span>
                  <span class="shelf-lead">${LEADS[id] ?? ''}</span>
                </a>
              </li>
            `,
          )}
        </ul>
      </section>
    `;
  }
}

function toCounter(event: Event): void {
  event.preventDefault();
  const counter = document.getElementById('counter');
  counter?.scrollIntoView();
  counter?.focus({ preventScroll: true });
}

const promises = html`
  <section class="promises" aria-labelledby="promises-title">
    <div class="promises-inner">
      <h2 id="promises-title">Every order is a story. <br>Ours end well, or they are unwound.</h2>
      <ol>
        <li>
          <h3>First we set it aside</h3>
          <p>The goods are taken off the shelf under your name before anybody asks your bank.</p>
        </li>
        <li>
          <h3>Then your bank says yes</h3>
          <p>The amount is held, not taken. You are charged when your parcel has left the quay.</p>
        </li>
        <li>
          <h3>If a chapter fails, we turn back</h3>
          <p>Each step is undone in reverse: goods back on the shelf, money back where it was.</p>
        </li>
      </ol>
      <a class="text-link" href="/orders">Follow your own orders ${icons.arrow}</a>
    </div>
    ${voyage(3)}
  </section>
`;
