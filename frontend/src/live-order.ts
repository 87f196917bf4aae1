import { orderToken } from './api';
import { config } from './config';
import { sleep, type Herald } from './follow';

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

/**
 * The line on which the shop tells each change of an order. It says `news` and no more: what the order is
 * now, the API knows. A line that breaks, or never comes about, is tried anew ever more rarely.
 */
export class LiveOrder extends EventTarget implements Herald {
  isLive = false;
  private version = 0;
  private hasOpened = false;
  private closing = new AbortController();

  constructor(private orderId: string) {
    super();
  }

  open(): void {
    if (this.hasOpened) return;
    this.hasOpened = true;
    void this.stayOnTheLine();
  }

  close(): void {
    this.closing.abort();
  }

  private async stayOnTheLine(): Promise<void> {
    const { signal } = this.closing;
    const { websocket_url: url } = await config();
    let pause = FIRST_PAUSE_MS;
    while (url && !signal.aborted) {
      const wasLive = await this.listen(url).catch(() => false);
      pause = wasLive ? FIRST_PAUSE_MS : Math.min(pause * 2, LONGEST_PAUSE_MS);
      // Not all pages at the same moment, should the line have broken for all of them.
      await sleep(pause * (0.5 + Math.random()), signal);
    }
  }

  /** Until the line breaks. Whether it was ever live. */
  private async listen(url: string): Promise<boolean> {
    const token = await orderToken(this.orderId);
    const { signal } = this.closing;
    if (signal.aborted) return false;
    const socket = new WebSocket(url);
    let wasLive = false;
    return new Promise((resume) => {
      socket.onopen = () => socket.send(JSON.stringify({ action: 'subscribe', order_id: this.orderId, token }));
      socket.onmessage = ({ data }) => {
        const told = JSON.parse(data);
        if (told.order_id !== this.orderId) return socket.close();
        wasLive = true;
        this.hear(told.version);
      };
      socket.onclose = () => {
        if (this.isLive) this.tell(false);
        resume(wasLive);
      };
      signal.addEventListener('abort', () => socket.close(), { once: true });
    });
  }

  /** What is not newer than what we have heard is no news, unless it is the first on a new line. */
  private hear(version: number): void {
    const isNews = version > this.version || !this.isLive;
    this.version = Math.max(version, this.version);
    if (isNews) this.tell(true);
  }

  private tell(isLive: boolean): void {
    this.isLive = isLive;
    this.dispatchEvent(new Event('news'));
  }
}
