import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isOfConsole, resolve, type Route } from '../src/router';

const fetched = async () => undefined;
const routes: Route<string>[] = [
  { path: '/', open: () => 'home' },
  { path: '/products/:sku', open: ({ sku }) => `product ${sku}` },
  { path: '/search', open: (_, query) => `search ${query.get('q')}` },
  { path: '/orders/:id', fetch: fetched, open: ({ id }) => `order ${id}` },
  { path: '.*', open: () => 'not found' },
];
const opened = (path: string) => resolve(routes, new URL(path, 'https://shop.example')).open();

const CASES: [path: string, page: string][] = [
  ['/', 'home'],
  ['/products/CAMP-AXE-01', 'product CAMP-AXE-01'],
  ['/products/CAMP-AXE-01/', 'product CAMP-AXE-01'],
  ['/products/a%2Fb', 'product a/b'],
  ['/products/a/b', 'not found'],
  ['/search?q=tent%20peg', 'search tent peg'],
  ['/elsewhere', 'not found'],
];
for (const [path, page] of CASES) test(`${path} opens ${page}`, () => assert.equal(opened(path), page));

test('a route names what has to be fetched before its page opens', () => {
  assert.equal(resolve(routes, new URL('https://shop.example/orders/ord_1')).fetch, fetched);
  assert.equal(resolve(routes, new URL('https://shop.example/')).fetch, undefined);
});

test('an address without a route is an error', () => {
  assert.throws(() => resolve(routes.slice(0, 1), new URL('https://shop.example/x')), /No route for \/x/);
});

test('the console begins at /admin, and /administration is not part of it', () => {
  assert.deepEqual(['/admin', '/admin/orders', '/administration'].map(isOfConsole), [true, true, false]);
});
