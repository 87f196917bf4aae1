import { once } from './once';

const clock = once(() => new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' }));
const day = once(() => new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'long' }));
const dayAndTime = once(() => new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' }));

export const formatDay = (iso: string) => day().format(new Date(iso));
export const formatDayAndTime = (iso: string) => dayAndTime().format(new Date(iso));

/** The time alone on the same day, otherwise day and time. */
export function formatMoment(iso: string): string {
  const moment = new Date(iso);
  const today = moment.toDateString() === new Date().toDateString();
  return today ? clock().format(moment) : dayAndTime().format(moment);
}
