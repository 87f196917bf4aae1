import { html, nothing } from 'lit';
import type { OrderSummary } from '../api';
import { formatDayAndTime } from '../dates';
import { formatMoney } from '../money';
import { badgeOf, unitsBought, unitsSentBack, statusName } from './order-story';
import './picture';

const PICTURES = 4;

/** An order in a list: when, what, how it stands. */
export const orderRow = (order: OrderSummary) => html`
  <li>
    <a class="order-row" href="/orders/${order.order_id}">
      <span class="order-pictures" aria-hidden="true">
        ${order.lines.slice(0, PICTURES).map(({ image }) => html`<product-picture .src=${image}></product-picture>`)}
        ${order.lines.length > PICTURES ? html`<span class="order-rest">+${order.lines.length - PICTURES}</span>` : nothing}
      </span>
      <span class="order-row-words">
        <strong><span dir="auto">${order.lines[0]?.name}</span>${order.lines.length > 1 ? ` and ${order.lines.length - 1} more` : ''}</strong>
        <small>${order.number} · ${formatDayAndTime(order.placed_at)}${sentBackNote(order)}</small>
      </span>
      <span class="badge badge-${badgeOf(order)}">${statusName(order)}</span>
      <span class="price">${formatMoney(order.total)}</span>
    </a>
  </li>
`;

const sentBackNote = (order: OrderSummary) => {
  const units = unitsSentBack(order);
  return units && order.status !== 'RETURNED' ? ` · ${units} of ${unitsBought(order)} sent back` : '';
};
