/** Cursor pagers, for every list of the API that is divided into pages by `next_cursor`. */
import type { List } from './api-types';

type Cursor = string | null;

/** Which page of a list is shown: pages are turned one at a time, and the starts of those before are kept. */
export class PageTurner {
  /** Where the pages up to this one began, this page first: their cursors, and how many items precede each. */
  private starts: { cursor: Cursor; preceding: number }[] = [{ cursor: null, preceding: 0 }];

  get cursor(): Cursor {
    return this.starts[0].cursor;
  }

  get isFirst(): boolean {
    return this.starts.length === 1;
  }

  toFirst(): void {
    this.starts = this.starts.slice(-1);
  }

  toPrevious(): void {
    if (!this.isFirst) this.starts = this.starts.slice(1);
  }

  /** Turns the page. `count` is the number of items on the page that is left. */
  toNext(next: Cursor, count: number): void {
    if (next !== null) this.starts = [{ cursor: next, preceding: this.starts[0].preceding + count }, ...this.starts];
  }

  /** Which items a page of `count` shows, e.g. `1–20, more follow`, or `3 in all`. Lists do not count what follows. */
  place(count: number, hasMore: boolean): string {
    const { preceding } = this.starts[0];
    const last = preceding + count;
    if (!hasMore && this.isFirst) return `${count} in all`;
    const range = count ? `${preceding + 1}–${last}` : 'None here';
    if (hasMore) return `${range}, more follow`;
    return count ? `${range} of ${last}` : `${range}, ${last} in all`;
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
