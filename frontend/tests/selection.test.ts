import assert from 'node:assert/strict';
import { test } from 'node:test';
import { selectionOf, withSelection } from '../src/selection';

const plain = (query: string) => JSON.parse(JSON.stringify(selectionOf(new URLSearchParams(query))));

const CASES: [query: string, selection: object][] = [
  ['', {}],
  ['sort=newest&min_price=0&max_price=1250', { sort: 'newest', min_price: 0, max_price: 1250 }],
  ['sort=name&min_price=-1&max_price=1e3', {}],
  ['min_price=&max_price=123456789', {}],
  ['min_price=20&max_price=10', { min_price: 20 }],
];
for (const [query, selection] of CASES) test(`?${query} selects ${JSON.stringify(selection)}`, () => assert.deepEqual(plain(query), selection));

test('an address keeps its search text and drops defaults', () => {
  const address = 'https://shop.example/search?q=wool+sock&sort=newest&min_price=5';
  assert.equal(withSelection(address, { sort: 'relevance', max_price: 900 }), '/search?q=wool+sock&max_price=900');
  assert.equal(withSelection(address, selectionOf(new URL(address).searchParams)), '/search?q=wool+sock&sort=newest&min_price=5');
});
