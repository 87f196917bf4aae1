/** Spans of an order: the entries of its timeline and logs that have a duration. */
import type { Entry, Kind } from './api';

export interface Span {
  kind: Kind;
  name: string;
  /** When it began to wait, or to work if it did not wait. Milliseconds since the epoch. */
  start: number;
  waited: number;
  took: number;
  verb: string;
  error: string;
}

/** CloudFormation's name without the stack's prefix and the suffix. */
export const shortName = (name: string) => name.replace(/^.*?-(?=[A-Z])/, '').replace(/-(function|[0-9A-F]{10,})(?=\.fifo$|$)/, '');

const VERBS: Partial<Record<Kind, string>> = { event: 'published after', state: 'lasts', call: 'takes' };

const text = (value: unknown) => (typeof value === 'string' ? value : '');

export const functionOf = (entry: Entry) => shortName(text(entry.details.log_group).split('/').at(-1) ?? '');

/** Sorted by start. A longer span comes before a shorter one that starts with it. */
export function spansOf(entries: Entry[]): Span[] {
  return entries
    .filter(({ duration_ms }) => duration_ms != null)
    .map((entry) => {
      const waited = entry.waited_ms ?? 0;
      return {
        kind: entry.kind,
        name: nameOf(entry),
        start: Date.parse(entry.at) - waited,
        waited,
        took: entry.duration_ms ?? 0,
        verb: VERBS[entry.kind] ?? 'runs',
        error: errorOf(entry),
      };
    })
    .sort((one, other) => one.start - other.start || other.took - one.took);
}

function nameOf(entry: Entry): string {
  if (entry.kind === 'call') return `${text(entry.details.method)} ${text(entry.details.path)}`;
  if (entry.kind === 'queue' || entry.kind === 'log') return functionOf(entry);
  return entry.title;
}

function errorOf(entry: Entry): string {
  if (entry.kind === 'state') return (entry.details.errors as string[]).join(', ');
  return entry.title === 'message failed' ? 'failed' : text((entry.document as { error?: unknown } | null)?.error);
}
