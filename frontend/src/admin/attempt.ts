/**
 * What an operator asks for, under one idempotency key: asking for the same again after a lost answer repeats it, and
 * does nothing twice. A definite answer ends the attempt; what is asked for next is another one.
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
