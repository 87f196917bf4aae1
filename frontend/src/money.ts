import type { Money } from './api';

/** Formats minor units in the reader's language, e.g. {amount: 1250, currency: "EUR"} as €12.50. */
export function formatMoney({ amount, currency }: Money): string {
  const format = new Intl.NumberFormat(undefined, { style: 'currency', currency });
  const digits = format.resolvedOptions().maximumFractionDigits ?? 2;
  return format.format(amount / 10 ** digits);
}
