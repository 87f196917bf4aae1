import type { ReactiveController, ReactiveControllerHost } from 'lit';
import { sleep, untilVisible } from '../follow';

export type PollState = 'waiting' | 'live' | 'lost' | 'done';

const LONGEST_PAUSE_MS = 15_000;

/**
 * Looks again and again while its element is on the page and somebody can see it. What fails is tried again, ever
 * more rarely, and what was seen last stays. `pause` says after how many milliseconds to look again; null is never.
 */
export class Poll implements ReactiveController {
  state: PollState = 'waiting';
  error: unknown = null;
  private stop = new AbortController();

  constructor(
    private host: ReactiveControllerHost,
    private look: (signal: AbortSignal) => Promise<void>,
    private pause: () => number | null,
  ) {
    host.addController(this);
  }

  hostConnected(): void {
    this.again();
  }

  hostDisconnected(): void {
    this.stop.abort();
  }

  /** At once, because what is looked at has changed. */
  again(): void {
    this.stop.abort();
    this.stop = new AbortController();
    void this.run(this.stop.signal);
  }

  private async run(signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted; ) {
      await untilVisible(signal);
      const error = await this.look(signal).then(() => null, (error: unknown) => error ?? new Error());
      if (signal.aborted) return;
      failures = error ? failures + 1 : 0;
      const pause = this.pause();
      this.tell(error ? 'lost' : pause === null ? 'done' : 'live', error);
      if (pause === null && !error) return;
      await sleep(Math.min((pause ?? 1_000) * 2 ** failures, LONGEST_PAUSE_MS), signal);
    }
  }

  private tell(state: PollState, error: unknown): void {
    this.state = state;
    this.error = error;
    this.host.requestUpdate();
  }
}
