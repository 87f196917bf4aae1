import type { Order, Status } from '../api';
import { CHAPTERS, isStopping } from './order-story';
import { voyage } from './voyage';

const TURNED: Status[] = ['CANCELLED', 'RETURNED'];

/** The order as a boat: it leaves our quay chapter by chapter, and turns around when the order is unwound. */
export const orderVoyage = (order: Order) => voyage(legOf(order), isStopping(order) || TURNED.includes(order.status));

/** How far it has come: 0 at our quay, 4 once it has left the shore behind. What we cannot see, it does not reach. */
function legOf({ status, history }: Order): number {
  if (TURNED.includes(status)) return 0;
  return CHAPTERS.findLastIndex((chapter) => chapter.status === status || history.some((moment) => moment.status === chapter.status));
}
