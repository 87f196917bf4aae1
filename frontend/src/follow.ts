export type Glimpse<T> = { value: T } | { error: unknown };

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 15_000;
const EAGER_ROUNDS = 45;

/**
 * Looks again and again until the value has settled: every second at first, then ever more rarely,
 * and not at all while nobody can see the page.
 */
export async function* follow<T>(
  look: () => Promise<T>,
  hasSettled: (value: T) => boolean,
  signal: AbortSignal,
): AsyncGenerator<Glimpse<T>> {
  let pause = FIRST_PAUSE_MS;
  for (let round = 1; !signal.aborted; round++) {
    await untilVisible(signal);
    try {
      const value = await look();
      yield { value };
      if (hasSettled(value)) return;
      pause = round < EAGER_ROUNDS ? FIRST_PAUSE_MS : Math.min(pause * 1.5, LONGEST_PAUSE_MS);
    } catch (error) {
      if (signal.aborted) return;
      yield { error };
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    }
    await sleep(pause, signal);
  }
}

function untilVisible(signal: AbortSignal): Promise<void> {
  if (!document.hidden) return Promise.resolve();
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

function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resume) => {
    const timer = setTimeout(resume, milliseconds);
    signal.addEventListener('abort', () => (clearTimeout(timer), resume()), { once: true });
  });
}
