import { Problem } from './api';
import { Store } from './store';

export interface Toast {
  text: string;
  tone: 'good' | 'bad';
}

const LINGER_MS = 6_000;
let timer = 0;

export const toast = new Store<Toast | null>(null);

export function say(text: string, tone: Toast['tone'] = 'good'): void {
  toast.value = { text, tone };
  clearTimeout(timer);
  timer = window.setTimeout(() => (toast.value = null), LINGER_MS);
}

export function complain(error: unknown): void {
  say(error instanceof Problem ? error.message : 'That did not work. Please try again.', 'bad');
}
