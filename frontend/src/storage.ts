/** A small JSON value in the browser's storage; a browser that forbids storage forgets it, nothing more. */
export class Stored<T> {
  private fallback: T | null = null;

  constructor(private key: string, private area: () => Storage) {}

  get(): T | null {
    try {
      const text = this.area().getItem(this.key);
      return text === null ? null : (JSON.parse(text) as T);
    } catch {
      return this.fallback;
    }
  }

  set(value: T | null): void {
    this.fallback = value;
    try {
      if (value === null) this.area().removeItem(this.key);
      else this.area().setItem(this.key, JSON.stringify(value));
    } catch {
      // Storage is full or forbidden: the value lives as long as the page.
    }
  }
}

export const onThisDevice = () => localStorage;
export const inThisTab = () => sessionStorage;
