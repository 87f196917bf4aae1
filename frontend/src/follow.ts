/** Follows a value until it has settled: reads it at each update, and polls it while no updates arrive. */
import { LONGEST_PAUSE_MS, poll, type Snapshot, type UpdateSource } from './poll';

const FIRST_PAUSE_MS = 1_000;
const EAGER_ROUNDS = 45;
const PAUSE_WHILE_LIVE_MS = 30_000;

/** Polls every second at first, then less often; twice as rarely after each error. Closes `source` at the end. */
export async function* follow<T>(
  read: () => Promise<T>,
  hasSettled: (value: T) => boolean,
  signal: AbortSignal,
  source: UpdateSource,
): AsyncGenerator<Snapshot<T>> {
  let pause = FIRST_PAUSE_MS;
  let rounds = 0;
  const pauseAfter = (snapshot: Snapshot<T>): number | null => {
    rounds++;
    if ('error' in snapshot) return (pause = Math.min(pause * 2, LONGEST_PAUSE_MS));
    if (hasSettled(snapshot.value)) return null;
    source.open();
    pause = rounds < EAGER_ROUNDS ? FIRST_PAUSE_MS : Math.min(pause * 1.5, LONGEST_PAUSE_MS);
    return source.isLive ? PAUSE_WHILE_LIVE_MS : pause;
  };
  try {
    yield* poll(read, pauseAfter, signal, source);
  } finally {
    source.close();
  }
}
