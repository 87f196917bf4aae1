export type Glimpse<T> = { value: T } | { error: unknown };

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 15_000;
const EAGER_ROUNDS = 45;
const PAUSE_WHILE_LIVE_MS = 30_000;

/** Somebody who tells when there is something new to see. */
export interface Herald extends EventTarget {
  /** While this is so, there is no need to look without being told; `news` is dispatched when it ends, too. */
  readonly isLive: boolean;
  open(): void;
  close(): void;
}

/**
 * Looks again and again until the value has settled: when the herald has news, or, as long as it is not
 * live, every second at first, then ever more rarely; and not at all while nobody can see the page.
 */
export async function* follow<T>(
  look: () => Promise<T>,
  hasSettled: (value: T) => boolean,
  signal: AbortSignal,
  herald: Herald,
): AsyncGenerator<Glimpse<T>> {
  let pause = FIRST_PAUSE_MS;
  let news = nextNews(herald, signal);
  try {
    for (let round = 1; !signal.aborted; round++) {
      await untilVisible(signal);
      if (news.aborted) news = nextNews(herald, signal);
      try {
        const value = await look();
        yield { value };
        if (hasSettled(value)) return;
        herald.open();
        pause = round < EAGER_ROUNDS ? FIRST_PAUSE_MS : Math.min(pause * 1.5, LONGEST_PAUSE_MS);
        if (herald.isLive) pause = PAUSE_WHILE_LIVE_MS;
      } catch (error) {
        if (signal.aborted) return;
        yield { error };
        pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
      }
      await sleep(pause, AbortSignal.any([signal, news]));
    }
  } finally {
    herald.close();
  }
}

/** Aborts at the next news, those included that come while we are still looking. */
function nextNews(herald: Herald, signal: AbortSignal): AbortSignal {
  const news = new AbortController();
  herald.addEventListener('news', () => news.abort(), { once: true, signal });
  return news.signal;
}

export function untilVisible(signal: AbortSignal): Promise<void> {
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
