/** Amounts of money: whole numbers of minor units. No arithmetic with fractions. */
import notHundredths from '../../chalicelib/platform/currencies.json';
import type { Money } from './api-types';

/** The most digits that a price may have in a form, all decimal places included. */
const MOST_DIGITS = 8;

/** How many decimal places amounts of this currency have (ISO 4217; browsers' own tables differ from it). */
export const decimals = (currency: string): number => (notHundredths as Record<string, number>)[currency] ?? 2;

/** Formats minor units in the reader's language, e.g. {amount: 1250, currency: "EUR"} as €12.50. */
export function formatMoney({ amount, currency }: Money, locale?: string): string {
  return formatOf(currency, locale).format(decimalText(amount, currency));
}

const formats = new Map<string, Intl.NumberFormat>();

/** Made once for each currency and language: a page shows many amounts. */
function formatOf(currency: string, locale?: string): Intl.NumberFormat {
  const key = `${currency} ${locale}`;
  const digits = decimals(currency);
  const options = { style: 'currency', currency, minimumFractionDigits: digits, maximumFractionDigits: digits } as const;
  const format = formats.get(key) ?? new Intl.NumberFormat(locale, options);
  formats.set(key, format);
  return format;
}

/** Minor units as a decimal number: 1250 EUR is 12.50, 1250 JPY is 1250, -5 KWD is -0.005. */
export function decimalText(amount: number, currency: string): `${number}` {
  const digits = decimals(currency);
  const text = String(Math.abs(amount)).padStart(digits + 1, '0');
  const sign = amount < 0 ? '-' : '';
  if (!digits) return `${sign}${text}` as `${number}`;
  return `${sign}${text.slice(0, -digits)}.${text.slice(-digits)}` as `${number}`;
}

/** The pattern of a form field for an amount: digits, and decimal places after a point or a comma if there are any. */
export function amountPattern(currency: string): string {
  const digits = decimals(currency);
  const units = `\\d{1,${MOST_DIGITS - digits}}`;
  return digits ? `${units}([.,]\\d{1,${digits}})?` : units;
}

/** The minor units of what was typed into such a field: `12,5` and `12.50` EUR are both 1250. NaN if it does not match. */
export function minorUnits(text: string, currency: string): number {
  if (!new RegExp(`^${amountPattern(currency)}$`).test(text)) return NaN;
  const [units, fraction = ''] = text.split(/[.,]/);
  return Number(units + fraction.padEnd(decimals(currency), '0'));
}
