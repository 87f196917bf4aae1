// Viewer request, before the cache is asked: one address for each page, and one cache key for each content.
// Written in what cloudfront-js-2.0 knows, which is less than Node does.

const MOVED = {
  '/index.html': '/',
  '/home': '/',
  '/shop': '/',
  '/basket': '/cart',
  '/login': '/sign-in',
  '/register': '/sign-up',
};
const MOVED_BELOW = {
  '/p/': '/products/',
  '/product/': '/products/',
  '/c/': '/category/',
  '/categories/': '/category/',
};

// What advertisers hang on to links. It is for the page's own scripts and changes nothing that we send.
const TRACKING =
  /^(utm_.+|gclid|dclid|gbraid|wbraid|_gl|fbclid|msclkid|ttclid|twclid|yclid|li_fat_id|igshid|mc_cid|mc_eid|srsltid)$/i;

const CRAWLER = new RegExp(
  '[^u]bot\\b|crawl|spider|slurp|mediapartners|facebookexternalhit|facebookcatalog|meta-externalagent|embedly|' +
    'whatsapp|pinterest/|slackbot|skypeuripreview|vkshare|iframely|mastodon|google-inspectiontool|duckduckgo-favicons',
  'i',
);
const RENDERED_FOR_CRAWLERS = /^\/$|^\/(products|category)\/[^/]+$/;

// Part of the cache key, and only ever what is written here.
const CRAWLED_PATH = 'x-crawled-path';

function handler(event) {
  const request = event.request;
  const asked = request.querystring;
  request.querystring = normalised(asked);
  if (request.uri.startsWith('/api/')) return request;

  const address = addressOf(request.uri);
  if (address !== request.uri) return redirect(address, asked);

  delete request.headers[CRAWLED_PATH];
  if (isFile(address)) return request;
  if (isCrawler(request) && RENDERED_FOR_CRAWLERS.test(address)) {
    request.headers[CRAWLED_PATH] = { value: address };
  }
  request.uri = isOfAdmin(address) ? '/admin/index.html' : '/index.html';
  return request;
}

function normalised(querystring) {
  const kept = {};
  Object.keys(querystring)
    .filter((name) => !TRACKING.test(name))
    .sort()
    .forEach((name) => (kept[name] = querystring[name]));
  return kept;
}

// With one leading slash whatever came, or a redirect could name somebody else's host.
function addressOf(uri) {
  const tidy = '/' + uri.split(/[/\\]+/).filter((part) => part !== '').join('/');
  if (MOVED[tidy]) return MOVED[tidy];
  const above = Object.keys(MOVED_BELOW).find((prefix) => tidy.startsWith(prefix));
  if (above) return MOVED_BELOW[above] + tidy.slice(above.length);
  // The bucket decodes a key: written differently, the console's files would be served unguarded.
  return !isOfAdmin(tidy) && isOfAdmin(decoded(tidy).toLowerCase()) ? '/admin' : tidy;
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch (malformed) {
    return text;
  }
}

function isOfAdmin(path) {
  return path === '/admin' || path.startsWith('/admin/');
}

function isFile(path) {
  return path.split('/').pop().includes('.');
}

function isCrawler(request) {
  const agent = request.headers['user-agent'];
  return agent !== undefined && CRAWLER.test(agent.value);
}

function redirect(address, querystring) {
  return {
    statusCode: 301,
    statusDescription: 'Moved Permanently',
    headers: {
      location: { value: address + written(querystring) },
      'cache-control': { value: 'public, max-age=3600' },
    },
  };
}

function written(querystring) {
  const pairs = [];
  Object.keys(querystring).forEach((name) => {
    const field = querystring[name];
    (field.multiValue || [field]).forEach((each) => pairs.push(encoded(name) + '=' + encoded(each.value)));
  });
  return pairs.length ? '?' + pairs.join('&') : '';
}

function encoded(text) {
  return encodeURIComponent(decoded(text.replace(/\+/g, '%20')));
}
