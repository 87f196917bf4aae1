/** Cursor pagers, for every list of the API that is divided into pages by `next_cursor`. */
import type { List } from './api-types';

type Cursor = string | null;

/** Which page of a list is shown: pages are turned one at a time, and the cursors of those before are kept. */
export class PageTurner {
  /** Where the pages up to this one began, this page first. The first page begins at null. */
  private cursors: Cursor[] = [null];

  get cursor(): Cursor {
    return this.cursors[0];
  }

  get isFirst(): boolean {
    return this.cursors.length === 1;
  }

  toFirst(): void {
    this.cursors = [null];
  }

  toPrevious(): void {
    if (!this.isFirst) this.cursors = this.cursors.slice(1);
  }

  toNext(next: Cursor): void {
    if (next !== null) this.cursors = [next, ...this.cursors];
  }
}

/** A list that grows by a page at a time. An error leaves what is loaded as it is. */
export class GrowingList<T> {
  items: T[] = [];
  isLoading = false;
  private next: Cursor = null;

  /** `changed` is called whenever there is something new to show. */
  constructor(private changed: () => void) {}

  get hasMore(): boolean {
    return this.next !== null;
  }

  /** Starts from the first page of a list. */
  start({ items, next_cursor }: List<T>): void {
    this.items = items;
    this.next = next_cursor;
    this.changed();
  }

  /** Adds the next page, unless one is being loaded. Rejects with what `load` rejects with. */
  async more(load: (cursor: string) => Promise<List<T>>): Promise<void> {
    const { next } = this;
    if (next === null || this.isLoading) return;
    this.isLoading = true;
    this.changed();
    try {
      const page = await load(next);
      // The list was started from its beginning meanwhile: this page belongs to the list before.
      if (this.next === next) this.start({ items: [...this.items, ...page.items], next_cursor: page.next_cursor });
    } finally {
      this.isLoading = false;
      this.changed();
    }
  }
}

/** Loads all pages of a list. */
export async function allItems<T>(load: (cursor: Cursor) => Promise<List<T>>): Promise<T[]> {
  const items: T[] = [];
  let cursor: Cursor = null;
  do {
    const page: List<T> = await load(cursor);
    items.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor);
  return items;
}
