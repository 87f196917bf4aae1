/** Order and price range of a list of products, which the page's address keeps. */
import type { operations } from './generated/openapi';

type Query = NonNullable<operations['list_products']['parameters']['query']>;
export type Selection = Pick<Query, 'sort' | 'min_price' | 'max_price'>;

export const SORTS = ['relevance', 'newest', 'price_asc', 'price_desc'] as const satisfies NonNullable<Query['sort']>[];
const MOST_DIGITS = 8;

/** What an address asks for. Values that no control can produce are ignored. */
export function selectionOf(query: URLSearchParams): Selection {
  const sort = SORTS.find((each) => each === query.get('sort'));
  const [min_price, max_price] = ['min_price', 'max_price'].map((name) => priceOf(query.get(name)));
  if (min_price !== undefined && max_price !== undefined && max_price < min_price) return { sort, min_price };
  return { sort, min_price, max_price };
}

/** The same address with another selection. Defaults are left out. */
export function withSelection(address: string, { sort, min_price, max_price }: Selection): string {
  const url = new URL(address);
  const wanted = { sort: sort === SORTS[0] ? undefined : sort, min_price, max_price };
  for (const [name, value] of Object.entries(wanted)) {
    if (value === undefined) url.searchParams.delete(name);
    else url.searchParams.set(name, String(value));
  }
  return `${url.pathname}${url.search}`;
}

export const hasPrices = ({ min_price, max_price }: Selection): boolean => min_price !== undefined || max_price !== undefined;

function priceOf(text: string | null): number | undefined {
  return text !== null && new RegExp(`^\\d{1,${MOST_DIGITS}}$`).test(text) ? Number(text) : undefined;
}
