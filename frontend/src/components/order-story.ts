/** How an order reads: its headline, the chapters of its timeline, its ending, and where the money is. */
import type { Order, OrderLine, OrderSummary, Reason, Status } from '../api';
import { formatMoney } from '../money';

export const STATUS_NAMES: Record<Status, string> = {
  PLACED: 'Placed',
  RESERVED: 'Stock reserved',
  ACTION_REQUIRED: 'Confirmation needed',
  AUTHORIZED: 'Payment authorized',
  SHIPPING: 'Shipping',
  COMPLETED: 'Completed',
  CANCELLED: 'Cancelled',
  RETURNED: 'Returned',
};

export interface Chapter {
  status: Status;
  text: string;
}

export const CHAPTERS: Chapter[] = [
  { status: 'PLACED', text: 'Your order is in our book.' },
  { status: 'RESERVED', text: 'Everything was set aside under your name.' },
  { status: 'AUTHORIZED', text: 'Your bank agreed to the amount and holds it.' },
  { status: 'SHIPPING', text: 'The warehouse has your order.' },
  { status: 'COMPLETED', text: 'Your parcel has left, and your card has been charged.' },
];

const CONFIRMATION: Chapter = { status: 'ACTION_REQUIRED', text: 'Your bank wanted you to confirm the payment.' };

/** What there is to say of the chapters of an order that costs nothing. */
const FREE_CHAPTERS: Partial<Record<Status, string>> = {
  AUTHORIZED: 'There is nothing to pay.',
  COMPLETED: 'Your parcel has left.',
};

const isFree = ({ total }: OrderSummary) => total.amount === 0;

/** The chapters of this order. Most banks want no confirmation, so that one is shown only where it is required. */
export function chaptersOf(order: OrderSummary): Chapter[] {
  if (isFree(order)) return CHAPTERS.map(({ status, text }) => ({ status, text: FREE_CHAPTERS[status] ?? text }));
  const wasAsked = order.history.some(({ status }) => status === CONFIRMATION.status);
  return wasAsked ? [...CHAPTERS.slice(0, 2), CONFIRMATION, ...CHAPTERS.slice(2)] : CHAPTERS;
}

const HEADLINES: Record<Status, string> = {
  PLACED: 'We are on it',
  RESERVED: 'It is set aside for you',
  ACTION_REQUIRED: 'Please confirm your payment',
  AUTHORIZED: 'Your bank said yes',
  SHIPPING: 'It is being packed',
  COMPLETED: 'On its way to you',
  CANCELLED: 'This one did not happen',
  RETURNED: 'Back on our shelf',
};

const REASONS: Record<Reason, string> = {
  OUT_OF_STOCK: 'Something in it sold out before we could set it aside.',
  PAYMENT_DECLINED: 'Your bank declined the payment.',
  SHIPPING_FAILED: 'The warehouse could not send it.',
  CUSTOMER_REQUEST: 'You asked us to cancel it.',
  SHOP_REQUEST: 'We had to cancel it.',
  FULFILMENT_FAILED: 'Something broke on our side, so we unwound the whole order.',
};

const DECLINES: Record<string, string> = {
  insufficient_funds: 'The bank says there were not enough funds.',
  expired_card: 'The bank says the card has expired.',
  authentication_required: 'The bank wanted a confirmation that it was you.',
  payment_intent_authentication_failure: 'Your bank could not confirm that it was you.',
  authentication_not_completed: 'The payment was not confirmed in time.',
  lost_card: 'The bank did not accept this card.',
  stolen_card: 'The bank did not accept this card.',
};

const ENDINGS: Status[] = ['COMPLETED', 'CANCELLED', 'RETURNED'];

export const hasEnded = ({ status }: OrderSummary) => ENDINGS.includes(status);

/** The buyer asked to cancel, and we are still at it. */
export const isStopping = (order: OrderSummary) => order.cancel_requested === true && !hasEnded(order);

export const isCancelledByBuyer = ({ status, reason }: OrderSummary) =>
  status === 'CANCELLED' && reason === 'CUSTOMER_REQUEST';

/** Units of a line that were sent back or are on their way back. */
export const sentBack = ({ returned }: OrderLine) => returned;

/** Units of a line that could still be sent back. */
export const keptOf = (line: OrderLine) => Math.max(0, line.quantity - sentBack(line));

const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0);

export const unitsSentBack = ({ lines }: OrderSummary) => sum(lines.map(sentBack));

export const unitsBought = ({ lines }: OrderSummary) => sum(lines.map(({ quantity }) => quantity));

export const unitsText = (count: number) => `${count} ${count === 1 ? 'piece' : 'pieces'}`;

/** Returns whose money has not arrived yet. */
export const refundsUnderway = ({ returns = [] }: Order) => returns.filter(({ status }) => status === 'REQUESTED');

type Shade = 'whole' | 'partly' | 'all';

const shadeOf = (order: OrderSummary): Shade => {
  const back = order.status === 'COMPLETED' ? unitsSentBack(order) : 0;
  return back === 0 ? 'whole' : back < unitsBought(order) ? 'partly' : 'all';
};

/** The status in words, with the shades that the statuses do not have. */
export function statusName(order: OrderSummary): string {
  if (isStopping(order)) return 'Being cancelled';
  const shade = shadeOf(order);
  if (shade !== 'whole') return shade === 'partly' ? 'Partly returned' : 'Being returned';
  return STATUS_NAMES[order.status];
}

/** Which colours a status wears in a list. */
export function badgeOf(order: OrderSummary): string {
  if (isStopping(order)) return 'stopping';
  if (isCancelledByBuyer(order)) return 'stopped';
  return shadeOf(order) === 'whole' ? order.status.toLowerCase() : 'returned';
}

export function headline(order: Order): string {
  if (isStopping(order)) return 'We are stopping it';
  if (isCancelledByBuyer(order)) return 'Stopped, as you asked';
  const isUnderway = refundsUnderway(order).length > 0;
  const shade = shadeOf(order);
  if (shade === 'partly') return isUnderway ? 'Some of it comes back' : 'Some of it went back';
  if (shade === 'all' || (order.status === 'RETURNED' && isUnderway)) return 'On its way back to us';
  return isFree(order) && order.status === 'AUTHORIZED' ? 'It goes to the warehouse' : HEADLINES[order.status];
}

/** What the order's head says below its status. */
export function remark(order: Order): string | null {
  if (order.status === 'CANCELLED') return `${whyCancelled(order)} ${moneyStory(order)}`;
  if (isStopping(order)) return 'We are telling the warehouse and your bank. This page follows along by itself.';
  if (order.status === 'ACTION_REQUIRED') return 'Your bank wants to be sure that it is you. Nothing is charged yet.';
  if (!hasEnded(order)) return `This page follows along by itself. A confirmation goes to ${order.email}.`;
  if (order.status === 'RETURNED' || shadeOf(order) === 'all') return `You sent everything back. ${moneyStory(order)}`;
  if (shadeOf(order) === 'whole') return null;
  return `You sent back ${unitsSentBack(order)} of ${unitsText(unitsBought(order))}. ${refundStory(order)}`;
}

export function whyCancelled({ reason, payment }: Order): string {
  const why = reason ? REASONS[reason] : 'The order was cancelled.';
  const bank = reason === 'PAYMENT_DECLINED' && payment?.decline_code ? DECLINES[payment.decline_code] : undefined;
  return bank ?? why;
}

/** Where the buyer's money is now that the order has been unwound. */
export function moneyStory(order: Order): string {
  const { payment, reason } = order;
  if (isFree(order)) return 'There was nothing to pay.';
  if (!payment || reason === 'PAYMENT_DECLINED' || reason === 'OUT_OF_STOCK') return 'You were not charged.';
  const { captured, refunded, currency } = payment;
  if (strayed(order)) return strayed(order);
  if (captured === 0) return 'You were not charged. If your bank shows a hold, it disappears by itself.';
  if (refunded >= captured) return `${formatMoney({ amount: refunded, currency })} went back to your card.`;
  if (refunded > 0) return `${formatMoney({ amount: refunded, currency })} went back to your card so far, the rest follows.`;
  return `${formatMoney({ amount: captured, currency })} is on its way back to your card.`;
}

/** Money that took another way than ours: a refund that came back to us, or what a bank decided. */
function strayed({ payment }: Order): string {
  if (!payment) return '';
  const { refund_failed: failed, lost, currency } = payment;
  if (failed) return `The refund of ${formatMoney({ amount: failed, currency })} did not reach your card. We will send it again.`;
  return lost ? `Your bank gave you ${formatMoney({ amount: lost, currency })} back when it decided your dispute.` : '';
}

/** Where the money is for the units that were sent back. */
function refundStory(order: Order): string {
  if (isFree(order)) return '';
  if (strayed(order)) return strayed(order);
  const underway = refundsUnderway(order);
  if (underway.length > 1) return 'Your refunds are on their way.';
  if (underway.length === 1) return `${formatMoney(underway[0].refund)} is on its way back to your card.`;
  const { payment } = order;
  return payment?.refunded ? `${formatMoney({ amount: payment.refunded, currency: payment.currency })} went back to your card.` : '';
}

/** What became of the items, if they had been reserved. */
export function stockStory({ history }: Order): string {
  return history.some(({ status }) => status === 'RESERVED') ? 'The goods are back on the shelf.' : '';
}

/** Which colours the order's head wears. */
export function mood(order: Order): 'going' | 'good' | 'bad' | 'calm' {
  if (isCancelledByBuyer(order) || order.status === 'RETURNED') return 'calm';
  if (order.status === 'CANCELLED') return 'bad';
  return hasEnded(order) ? 'good' : 'going';
}
