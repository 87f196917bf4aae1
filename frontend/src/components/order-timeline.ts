import { html, nothing, type TemplateResult } from 'lit';
import type { Order } from '../api';
import { formatMoment } from '../dates';
import { icons } from './icons';
import { chaptersOf, stockStory, isCancelledByBuyer, isStopping, moneyStory, STATUS_NAMES, whyCancelled } from './order-story';

/** The order as chapters: those that happened, the one going on, those to come, and an early end if there is one. */
export function orderTimeline(order: Order): TemplateResult {
  const times = new Map(order.history.map(({ status, at }) => [status, at]));
  const isCutShort = order.status === 'CANCELLED' || order.status === 'RETURNED' || isStopping(order);
  const all = chaptersOf(order);
  const reached = all.findLastIndex(({ status }) => status === order.status || times.has(status));
  const chapters = isCutShort ? all.slice(0, reached + 1) : all;
  const isDone = order.status === 'COMPLETED' || isCutShort;
  return html`
    <ol class="timeline">
      ${chapters.map(({ status, text }, index) => {
        const isOver = index < reached || isDone;
        const kind = isOver ? 'done' : index === reached ? 'now' : 'ahead';
        return chapter(kind, STATUS_NAMES[status], text, times.get(status));
      })}
      ${isStopping(order)
        ? chapter('now', 'Being cancelled', 'You asked us to cancel it. What has been done is undone, step by step.')
        : nothing}
      ${order.status === 'CANCELLED'
        ? chapter(
            isCancelledByBuyer(order) ? 'stopped' : 'broken',
            STATUS_NAMES.CANCELLED,
            `${whyCancelled(order)} ${stockStory(order)}`,
            times.get('CANCELLED'),
          )
        : nothing}
      ${order.status === 'RETURNED'
        ? chapter('done', STATUS_NAMES.RETURNED, `You sent everything back. ${moneyStory(order)}`, times.get('RETURNED'))
        : nothing}
    </ol>
  `;
}

type Kind = 'done' | 'now' | 'ahead' | 'broken' | 'stopped';

const STAMPS: Record<Kind, unknown> = {
  done: icons.check,
  now: nothing,
  ahead: nothing,
  broken: icons.close,
  stopped: icons.close,
};

const chapter = (kind: Kind, title: string, text: string, at?: string) => html`
  <li class="chapter chapter-${kind}" aria-current=${kind === 'now' ? 'step' : 'false'}>
    <span class="stamp" aria-hidden="true">${STAMPS[kind]}</span>
    <div>
      <h3>${title}</h3>
      ${at ? html`<time datetime=${at}>${formatMoment(at)}</time>` : nothing}
      ${kind === 'ahead' ? nothing : html`<p>${text}</p>`}
    </div>
  </li>
`;
