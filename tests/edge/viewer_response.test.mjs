import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { load, request, response } from './functions.mjs';

const PAGE = 'text/html; charset=utf-8';
const handler = load('viewer_response');
const from = (country) => ({ headers: { 'cloudfront-viewer-country': country } });

test('a new visitor gets a variant that stays and that the page can read', () => {
  const { saga_ab } = handler(response(PAGE)).cookies;
  assert.match(saga_ab.value, /^[ab]$/);
  assert.match(saga_ab.attributes, /Path=\/; Max-Age=15552000; Secure; SameSite=Lax/);
  assert.doesNotMatch(saga_ab.attributes, /HttpOnly/i);
});

test('half of the visitors get each variant', () => {
  const variantAt = (chance) =>
    load('viewer_response', { Math: { random: () => chance } })(response(PAGE)).cookies.saga_ab.value;
  assert.deepEqual([0, 0.49, 0.5, 0.99].map(variantAt), ['a', 'a', 'b', 'b']);
});

test('a visitor keeps their variant', () => {
  assert.equal(handler(response(PAGE, { cookies: { saga_ab: 'b' } })).cookies.saga_ab, undefined);
});

test('an unknown variant is replaced', () => {
  for (const value of ['c', '', 'toString', '"><script>']) {
    assert.match(handler(response(PAGE, { cookies: { saga_ab: value } })).cookies.saga_ab.value, /^[ab]$/);
  }
});

test('files carry no cookies', () => {
  for (const type of ['text/javascript', 'image/svg+xml', 'application/json', undefined]) {
    assert.deepEqual(handler(response(type, from('NO'))).cookies, {});
  }
});

for (const [country, currency, language] of [
  ['NO', 'NOK', 'nb'],
  ['DE', 'EUR', 'de'],
  ['IE', 'EUR', 'en'],
  ['US', 'USD', 'en'],
]) {
  test(`from ${country}, ${currency} and ${language} are suggested`, () => {
    const { saga_currency, saga_language } = handler(response(PAGE, from(country))).cookies;
    assert.deepEqual([saga_currency.value, saga_language.value], [currency, language]);
  });
}

test('an unknown country suggests nothing', () => {
  for (const country of ['AQ', 'constructor', '', 'no']) {
    assert.deepEqual(Object.keys(handler(response(PAGE, from(country))).cookies), ['saga_ab']);
  }
});

test('a visitor\'s choice is not overwritten', () => {
  const cookies = { saga_ab: 'a', saga_currency: 'EUR', saga_language: 'en' };
  assert.deepEqual(handler(response(PAGE, { ...from('NO'), cookies })).cookies, {});
});

test('the rest of the response is unchanged', () => {
  const event = response(PAGE, from('NO'));
  const { cookies, ...rest } = handler(event);
  const { cookies: none, ...before } = event.response;
  assert.deepEqual(rest, before);
});

const main = readFileSync(new URL('../../frontend/src/main.ts', import.meta.url), 'utf8');
const routes = [...main.matchAll(/path: '(\/[^']*)'/g)].map((route) => route[1].replace(/:\w+/, 'x'));
const statusOf = (uri, type = PAGE) => handler(response(type, {}, uri)).statusCode;
const documentOf = (uri) => load('viewer_request')(request(uri)).uri;

test('each route of the shop, the console and each file is answered with 200', () => {
  assert.ok(routes.length > 10, routes);
  for (const uri of [...routes, '/admin', '/admin/orders/ord_1', '/index.html', '/offline.html', '/reference/api.html']) {
    assert.equal(statusOf(uri), 200, uri);
    assert.equal(statusOf(uri === '/index.html' ? uri : documentOf(uri)), 200, uri);
  }
});

test('a path without a page is answered with 404', () => {
  for (const uri of ['/no/such/page', '/products', '/products/a/b', '/carts', '/administrator']) {
    assert.equal(statusOf(uri), 404, uri);
    assert.equal(statusOf(documentOf(uri)), 404, uri);
  }
});

test('answers other than pages keep their status', () => {
  assert.equal(statusOf('/api/no-such-path', 'application/json'), 200);
});
