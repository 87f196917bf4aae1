/** Poll controller: reads again and again while its element is on the page. */
import type { ReactiveController, ReactiveControllerHost } from 'lit';
import { LONGEST_PAUSE_MS, poll, type Snapshot } from '../poll';

export type PollState = 'waiting' | 'live' | 'lost' | 'done';

const PAUSE_AFTER_ERROR_MS = 1_000;

/** `pause` returns the milliseconds until the next read, or null to stop. Errors double it; what was read last stays. */
export class Poll implements ReactiveController {
  state: PollState = 'waiting';
  error: unknown = null;
  private stop = new AbortController();

  constructor(
    private host: ReactiveControllerHost,
    private read: (signal: AbortSignal) => Promise<void>,
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

  /** Reads at once, because what is read has changed. */
  again(): void {
    this.stop.abort();
    this.stop = new AbortController();
    void this.run(this.stop.signal);
  }

  private async run(signal: AbortSignal): Promise<void> {
    const pauseAfter = (snapshot: Snapshot<void>, failures: number) => {
      const pause = this.pause();
      if (!('error' in snapshot)) return pause;
      return Math.min((pause ?? PAUSE_AFTER_ERROR_MS) * 2 ** failures, LONGEST_PAUSE_MS);
    };
    for await (const snapshot of poll(this.read, pauseAfter, signal)) {
      const isLost = 'error' in snapshot;
      this.error = isLost ? snapshot.error : null;
      this.state = isLost ? 'lost' : this.pause() === null ? 'done' : 'live';
      this.host.requestUpdate();
    }
  }
}
