/** Poller: repeats a read while the page is visible, and slows down after errors. Everything that polls uses it. */

/** What one read returned, or the error that it ended with. */
export type Snapshot<T> = { value: T } | { error: unknown };

export const LONGEST_PAUSE_MS = 15_000;

/** Announces changes by dispatching `update`, so that a poller need not wait for its next turn. */
export interface UpdateSource extends EventTarget {
  /** While true, changes are announced. `update` is also dispatched when it becomes false. */
  readonly isLive: boolean;
  open(): void;
  close(): void;
}

/**
 * Yields a snapshot of each read until `signal` aborts or `pauseAfter` returns null. `pauseAfter` returns the milliseconds
 * until the next read, given the snapshot and how many reads in a row have failed; an update ends the pause.
 */
export async function* poll<T>(
  read: (signal: AbortSignal) => Promise<T>,
  pauseAfter: (snapshot: Snapshot<T>, failures: number) => number | null,
  signal: AbortSignal,
  source?: UpdateSource,
): AsyncGenerator<Snapshot<T>> {
  let update = nextUpdate(source, signal);
  for (let failures = 0; !signal.aborted; ) {
    await untilVisible(signal);
    if (update.aborted) update = nextUpdate(source, signal);
    const snapshot: Snapshot<T> = await read(signal).then((value) => ({ value }), (error: unknown) => ({ error }));
    if (signal.aborted) return;
    failures = 'error' in snapshot ? failures + 1 : 0;
    yield snapshot;
    const pause = pauseAfter(snapshot, failures);
    if (pause === null) return;
    await sleep(pause, AbortSignal.any([signal, update]));
  }
}

/** Aborts at the next update, also at one that is announced during a read. */
function nextUpdate(source: UpdateSource | undefined, signal: AbortSignal): AbortSignal {
  const update = new AbortController();
  source?.addEventListener('update', () => update.abort(), { once: true, signal });
  return update.signal;
}

function untilVisible(signal: AbortSignal): Promise<void> {
  if (!document.hidden || signal.aborted) return Promise.resolve();
  return new Promise((resume) => {
    const check = () => {
      if (document.hidden && !signal.aborted) return;
      document.removeEventListener('visibilitychange', check);
      resume();
    };
    document.addEventListener('visibilitychange', check);
    signal.addEventListener('abort', check, { once: true });
  });
}

export function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resume) => {
    const timer = setTimeout(resume, milliseconds);
    signal.addEventListener('abort', () => (clearTimeout(timer), resume()), { once: true });
  });
}
