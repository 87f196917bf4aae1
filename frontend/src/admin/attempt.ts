/**
 * One idempotency key for an operator's action: repeating the same action after a lost response uses the same key, so it
 * has one effect. A definite response ends the attempt; the next action has a new key.
 */
import { Problem } from '../api';

export class Attempt {
  private pending: { wish: string; key: string } | null = null;

  async run<T>(wish: unknown, call: (key: string) => Promise<T>): Promise<T> {
    const text = JSON.stringify(wish);
    this.pending = this.pending?.wish === text ? this.pending : { wish: text, key: crypto.randomUUID() };
    try {
      const answer = await call(this.pending.key);
      this.pending = null;
      return answer;
    } catch (error) {
      if (error instanceof Problem && !error.isUncertain) this.pending = null;
      throw error;
    }
  }
}
