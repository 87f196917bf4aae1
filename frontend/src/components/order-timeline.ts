import { html, nothing, type TemplateResult } from 'lit';
import type { Order, Status } from '../api';
import { formatMoment } from '../dates';
import { icons } from './icons';
import { CHAPTERS, goodsStory, moneyStory, STATUS_NAMES, whyCancelled } from './order-story';

/** The order as chapters: those that happened, the one going on, those to come, and a sad end if there is one. */
export function orderTimeline(order: Order): TemplateResult {
  const times = new Map(order.history.map(({ status, at }) => [status, at]));
  const wasUndone = order.status === 'CANCELLED' || order.status === 'RETURNED';
  const reached = CHAPTERS.findLastIndex(({ status }) => status === order.status || times.has(status));
  const chapters = wasUndone ? CHAPTERS.slice(0, reached + 1) : CHAPTERS;
  const isDone = order.status === 'COMPLETED' || wasUndone;
  return html`
    <ol class="timeline">
      ${chapters.map(({ status, text }, index) => {
        const isOver = index < reached || isDone;
        const kind = isOver ? 'done' : index === reached ? 'now' : 'ahead';
        return chapter(kind, status, text, times.get(status));
      })}
      ${order.status === 'CANCELLED'
        ? chapter('broken', 'CANCELLED', `${whyCancelled(order)} ${goodsStory(order)}`, times.get('CANCELLED'))
        : nothing}
      ${order.status === 'RETURNED'
        ? chapter('done', 'RETURNED', `We have it back. ${moneyStory(order)}`, times.get('RETURNED'))
        : nothing}
    </ol>
  `;
}

type Kind = 'done' | 'now' | 'ahead' | 'broken';

const STAMPS: Record<Kind, unknown> = { done: icons.check, now: nothing, ahead: nothing, broken: icons.close };

const chapter = (kind: Kind, status: Status, text: string, at?: string) => html`
  <li class="chapter chapter-${kind}" aria-current=${kind === 'now' ? 'step' : 'false'}>
    <span class="stamp" aria-hidden="true">${STAMPS[kind]}</span>
    <div>
      <h3>${STATUS_NAMES[status]}</h3>
      ${at ? html`<time datetime=${at}>${formatMoment(at)}</time>` : nothing}
      ${kind === 'ahead' ? nothing : html`<p>${text}</p>`}
    </div>
  </li>
`;
