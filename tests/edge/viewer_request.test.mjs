import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load, request } from './functions.mjs';

const handler = load('viewer_request');
const GOOGLE = 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)';
const CHROME =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36';

const as = (agent) => ({ headers: { 'user-agent': agent } });
const crawledPath = (answer) => answer.headers['x-crawled-path']?.value;
const locationOf = (answer) => answer.headers.location.value;

for (const [path, file] of [
  ['/', '/index.html'],
  ['/products/CAMP-TENT-01', '/index.html'],
  ['/orders/01J-AB', '/index.html'],
  ['/no/such/page', '/not-found.html'],
  ['/administrators', '/not-found.html'],
  ['/admin', '/admin/index.html'],
  ['/admin/orders/01J', '/admin/index.html'],
  ['/config.json', '/config.json'],
  ['/assets/main-AB12.js', '/assets/main-AB12.js'],
  ['/admin/assets/main.js', '/admin/assets/main.js'],
  ['/images/products/CAMP-TENT-01.svg', '/images/products/CAMP-TENT-01.svg'],
]) {
  test(`${path} is the file ${file}`, () => assert.equal(handler(request(path)).uri, file));
}

for (const [old, address] of [
  ['/index.html', '/'],
  ['/home', '/'],
  ['/login', '/sign-in'],
  ['/p/CAMP-TENT-01', '/products/CAMP-TENT-01'],
  ['/categories/camp', '/category/camp'],
  ['/products/CAMP-TENT-01/', '/products/CAMP-TENT-01'],
  ['//products///CAMP-TENT-01', '/products/CAMP-TENT-01'],
  ['/admin/', '/admin'],
  ['/%61dmin/index.html', '/admin'],
  ['/Admin/index.html', '/admin'],
  ['/adm%49n', '/admin'],
]) {
  test(`${old} has moved to ${address}`, () => {
    const answer = handler(request(old));
    assert.equal(answer.statusCode, 301);
    assert.equal(locationOf(answer), address);
  });
}

for (const path of ['//evil.example/', '///evil.example', '/\\evil.example/', '\\/evil.example/', '/p//evil.example/']) {
  test(`${path} never leads to another host`, () => {
    const { origin } = new URL(locationOf(handler(request(path))), 'https://shop.example');
    assert.equal(origin, 'https://shop.example');
  });
}

test('no address redirects to one that is redirected again', () => {
  for (const path of ['/index.html', '/p/index.html', '/c//x/', '/home/', '/%61dmin/', '/product/p/x']) {
    const next = locationOf(handler(request(path)));
    assert.equal(handler(request(next)).statusCode, undefined, `${path} → ${next}`);
  }
});

test('a redirect keeps the query string, tracking included, and no line break', () => {
  const query = { utm_source: 'letter', q: 'blue+mug', tag: ['a', 'b&c'], x: 'ø\r\nset-cookie: a=b', y: '%E0' };
  assert.equal(
    locationOf(handler(request('/home', { query }))),
    '/?utm_source=letter&q=blue%20mug&tag=a&tag=b%26c&x=%C3%B8%0D%0Aset-cookie%3A%20a%3Db&y=%25E0',
  );
});

test('a cache key has sorted parameters without tracking', () => {
  const query = { q: 'mug', utm_source: 'x', gclid: '1', FBCLID: '2', category: 'kitchen', cursor: ['2', '1'] };
  const { querystring, uri } = handler(request('/api/products', { query }));
  assert.equal(uri, '/api/products');
  assert.deepEqual(Object.keys(querystring), ['category', 'cursor', 'q']);
  assert.deepEqual(querystring.cursor, { value: '2', multiValue: [{ value: '2' }, { value: '1' }] });
});

test('a parameter that only looks like tracking stays', () => {
  const query = { utm: '1', gclid_x: '2', xfbclid: '3' };
  assert.deepEqual(Object.keys(handler(request('/api/products', { query })).querystring), Object.keys(query).sort());
});

for (const path of ['/', '/products/CAMP-TENT-01', '/category/camp']) {
  test(`a crawler's ${path} has a cache key of its own`, () => {
    const answer = handler(request(path, as(GOOGLE)));
    assert.equal(answer.uri, '/index.html');
    assert.equal(crawledPath(answer), path);
  });
  test(`all people share one ${path}`, () => {
    assert.equal(crawledPath(handler(request(path, as(CHROME)))), undefined);
  });
}

test('crawlers get the same page where nothing is rendered', () => {
  for (const path of ['/cart', '/admin', '/search', '/assets/main.js', '/products/A/B']) {
    assert.equal(crawledPath(handler(request(path, as(GOOGLE)))), undefined, path);
  }
});

test('a client cannot set the cache key', () => {
  for (const path of ['/', '/config.json']) {
    const headers = { 'x-crawled-path': '/products/EVIL', 'user-agent': CHROME };
    assert.equal(crawledPath(handler(request(path, { headers }))), undefined);
  }
});

test('crawlers and link previews are distinguished from visitors', () => {
  const crawlers = [
    GOOGLE,
    'Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)',
    'facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)',
    'Twitterbot/1.0',
    'LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)',
    'Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)',
    'WhatsApp/2.23.20.0',
    'TelegramBot (like TwitterBot)',
    'Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)',
    'Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Safari/605.1.15 (Applebot/0.1)',
    'Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)',
    'Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)',
    'http.rb/5.1.1 (Mastodon/4.2.0; +https://mastodon.example/)',
  ];
  const people = [
    CHROME,
    'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1',
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0',
    'Mozilla/5.0 (Linux; Android 14; CUBOT P80) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Mobile Safari/537.36',
    '',
  ];
  const isCrawler = (agent) => crawledPath(handler(request('/', as(agent)))) === '/';
  assert.deepEqual(crawlers.filter((agent) => !isCrawler(agent)), []);
  assert.deepEqual(people.filter(isCrawler), []);
});

test('malformed paths are answered without an error', () => {
  for (const path of ['/%', '/%zz', '/\u0000', '/constructor', '/__proto__', '/p/', '/products/%F0%9F']) {
    handler(request(path));
  }
  handler(request('/', { query: { __proto__: '1', constructor: '2', '': '' } }));
  const bare = request('/');
  bare.request.headers = {};
  assert.equal(handler(bare).uri, '/index.html');
});
