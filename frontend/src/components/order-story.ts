/** How an order's status reads: the chapters of its timeline, its ending, and where the money is. */
import type { Order, Reason, Status } from '../api';
import { formatMoney } from '../money';

export const STATUS_NAMES: Record<Status, string> = {
  PLACED: 'Placed',
  RESERVED: 'Stock reserved',
  AUTHORIZED: 'Payment authorized',
  SHIPPING: 'Shipping',
  COMPLETED: 'Completed',
  CANCELLED: 'Cancelled',
  RETURNED: 'Returned',
};

export const CHAPTERS: { status: Status; text: string }[] = [
  { status: 'PLACED', text: 'Your order is in our book.' },
  { status: 'RESERVED', text: 'Everything was set aside under your name.' },
  { status: 'AUTHORIZED', text: 'Your bank agreed to the amount and holds it.' },
  { status: 'SHIPPING', text: 'The warehouse has your order.' },
  { status: 'COMPLETED', text: 'Your parcel has left, and your card has been charged.' },
];

export const HEADLINES: Record<Status, string> = {
  PLACED: 'We are on it',
  RESERVED: 'It is set aside for you',
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
  FULFILMENT_FAILED: 'Something broke on our side, so we unwound the whole order.',
};

const DECLINES: Record<string, string> = {
  insufficient_funds: 'The bank says there were not enough funds.',
  expired_card: 'The bank says the card has expired.',
  authentication_required: 'The bank wanted a confirmation that this shop cannot ask for.',
  lost_card: 'The bank did not accept this card.',
  stolen_card: 'The bank did not accept this card.',
};

const ENDINGS: Status[] = ['COMPLETED', 'CANCELLED', 'RETURNED'];

export const hasEnded = ({ status }: Order) => ENDINGS.includes(status);

export function whyCancelled({ reason, payment }: Order): string {
  const why = reason ? REASONS[reason] : 'The order was cancelled.';
  const bank = reason === 'PAYMENT_DECLINED' && payment?.decline_code ? DECLINES[payment.decline_code] : undefined;
  return bank ?? why;
}

/** Where the buyer's money is now that the order has been unwound. */
export function moneyStory({ payment, reason }: Order): string {
  if (!payment || reason === 'PAYMENT_DECLINED' || reason === 'OUT_OF_STOCK') return 'You were not charged.';
  const { captured, refunded, currency } = payment;
  if (captured === 0) return 'You were not charged. If your bank shows a hold, it disappears by itself.';
  if (refunded >= captured) return `${formatMoney({ amount: refunded, currency })} went back to your card.`;
  return `${formatMoney({ amount: captured, currency })} is on its way back to your card.`;
}

/** What became of the goods, if they had been set aside. */
export function goodsStory({ history }: Order): string {
  return history.some(({ status }) => status === 'RESERVED') ? 'The goods are back on the shelf.' : '';
}
