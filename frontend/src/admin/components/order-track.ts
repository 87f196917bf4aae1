import { html } from 'lit';
import type { OrderSummary, Status } from '../../api';

const WAY: Status[] = ['PLACED', 'RESERVED', 'AUTHORIZED', 'SHIPPING', 'COMPLETED'];

/** Progress of an order in five steps; those after a cancellation stay empty. */
export function orderTrack(order: OrderSummary) {
  const been = order.history.map(({ status }) => status);
  const isBroken = order.status === 'CANCELLED';
  const reached = WAY.filter((status) => been.includes(status)).length;
  const progress = isBroken ? `cancelled after ${reached} of ${WAY.length} steps` : `${reached} of ${WAY.length} steps`;
  return html`
    <span class="track" role="img" aria-label=${progress} data-broken=${isBroken}>
      ${WAY.map((status, place) => html`<i data-step=${been.includes(status) ? 'done' : isBroken && place === reached ? 'broken' : 'ahead'}></i>`)}
    </span>
  `;
}
