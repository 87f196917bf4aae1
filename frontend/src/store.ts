import type { ReactiveController, ReactiveControllerHost } from 'lit';

/** Observable value that several elements show: the session, the cart, the toast. */
export class Store<T> {
  private watchers = new Set<() => void>();

  constructor(private current: T) {}

  get value(): T {
    return this.current;
  }

  set value(next: T) {
    this.current = next;
    for (const watcher of [...this.watchers]) watcher();
  }

  watch(watcher: () => void): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }
}

interface Watchable {
  watch(watcher: () => void): () => void;
}

/** Redraws an element whenever one of the stores it shows has changed. */
export class Watch implements ReactiveController {
  private readonly stores: Watchable[];
  private leave: (() => void)[] = [];

  constructor(private host: ReactiveControllerHost, ...stores: Watchable[]) {
    this.stores = stores;
    host.addController(this);
  }

  hostConnected(): void {
    this.leave = this.stores.map((store) => store.watch(() => this.host.requestUpdate()));
  }

  hostDisconnected(): void {
    for (const leave of this.leave) leave();
  }
}
