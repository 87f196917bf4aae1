/** Formats that pages of the console share: statuses, times, durations, errors, and whether a page is live. */
import { html, nothing, type TemplateResult } from 'lit';
import { Problem, type Reason, type Status } from '../../api';
import type { Poll, PollState } from '../poll-controller';

export type Tone = 'good' | 'going' | 'bad' | 'calm';

export const STATUSES: Status[] = ['PLACED', 'RESERVED', 'ACTION_REQUIRED', 'AUTHORIZED', 'SHIPPING', 'COMPLETED', 'CANCELLED', 'RETURNED'];
const TONES: Partial<Record<Status, Tone>> = { COMPLETED: 'good', CANCELLED: 'bad', RETURNED: 'calm' };
const ENDED: Status[] = ['COMPLETED', 'CANCELLED', 'RETURNED'];
const LIVE: Record<PollState, string> = {
  waiting: 'Loading…',
  live: 'Live',
  lost: 'Connection lost, retrying',
  done: 'Settled',
};

export const toneOf = (status: Status): Tone => TONES[status] ?? 'going';
export const hasEnded = (status: Status) => ENDED.includes(status);

export const statusBadge = (status: Status, reason: Reason | null = null) => html`
  <span class="badge badge-${toneOf(status)}" data-testid="status" data-status=${status}>${status}</span>
  ${reason ? html`<small class="quiet">${reason}</small>` : nothing}
`;

export const liveSign = (poll: Poll) => html`
  <span class="live" data-state=${poll.state} role="status">${LIVE[poll.state]}</span>
`;

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3, hourCycle: 'h23' });
const dayAndClock = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });

export const clockTime = (iso: string) => html`<time datetime=${iso}>${clock.format(new Date(iso))}</time>`;
export const dayTimeText = (iso: string) => dayAndClock.format(new Date(iso));
export const dayTime = (iso: string) => html`<time datetime=${iso}>${dayTimeText(iso)}</time>`;

/** A duration as an engineer reads it: 42 ms, 1.3 s, 2 m 05 s, 3 h 20 m. */
export function span(milliseconds: number): string {
  if (milliseconds < 1_000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 60_000) return `${(milliseconds / 1_000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1_000);
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} m ${String(seconds % 60).padStart(2, '0')} s`;
  return `${Math.floor(seconds / 3_600)} h ${String(Math.floor((seconds % 3_600) / 60)).padStart(2, '0')} m`;
}

/** Shows an error. What was read before it stays on the page. */
export function errorNotice(error: unknown): TemplateResult {
  const message = error instanceof Problem ? error.message : 'Something went wrong on this page.';
  return html`<p class="notice notice-bad" role="alert">${message}</p>`;
}
