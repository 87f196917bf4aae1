/** Update source of an order: a WebSocket on which the API announces each version of the order. */
import { orderToken } from './api';
import { config } from './config';
import { sleep, type UpdateSource } from './poll';

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
const PROTOCOL = 'order-updates.v1';

/** Announces that there is a new version, not what changed: that is read from the API. Reconnects with backoff and jitter. */
export class LiveOrder extends EventTarget implements UpdateSource {
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
    void this.stayConnected();
  }

  close(): void {
    this.closing.abort();
  }

  private async stayConnected(): Promise<void> {
    const { signal } = this.closing;
    const { websocket_url: url } = await config();
    let pause = FIRST_PAUSE_MS;
    while (url && !signal.aborted) {
      const wasLive = await this.connect(url).catch(() => false);
      pause = wasLive ? FIRST_PAUSE_MS : Math.min(pause * 2, LONGEST_PAUSE_MS);
      // Jitter, so that not all pages reconnect at the same moment after an outage.
      await sleep(pause * (0.5 + Math.random()), signal);
    }
  }

  /** Resolves when the connection has closed: to whether it ever was live. */
  private async connect(url: string): Promise<boolean> {
    const token = await orderToken(this.orderId);
    const { signal } = this.closing;
    if (signal.aborted || !token) return false;
    // A page can send a token with a handshake only as a subprotocol, or in the address, which is logged.
    const socket = new WebSocket(url, [PROTOCOL, `${this.orderId}.${token}`]);
    let wasLive = false;
    return new Promise((resume) => {
      socket.onopen = () => socket.send(JSON.stringify({ action: 'subscribe', order_id: this.orderId, token }));
      socket.onmessage = ({ data }) => {
        const message = JSON.parse(data);
        if (message.order_id !== this.orderId) return socket.close();
        wasLive = true;
        this.receive(message.version);
      };
      socket.onclose = () => {
        if (this.isLive) this.announce(false);
        resume(wasLive);
      };
      signal.addEventListener('abort', () => socket.close(), { once: true });
    });
  }

  /** Versions that are not newer are ignored, except for the first on a new connection. */
  private receive(version: number): void {
    const isNew = version > this.version || !this.isLive;
    this.version = Math.max(version, this.version);
    if (isNew) this.announce(true);
  }

  private announce(isLive: boolean): void {
    this.isLive = isLive;
    this.dispatchEvent(new Event('update'));
  }
}
