// Viewer request function: runs before the cache lookup, redirects to the canonical path of each page and normalizes
// the cache key. It uses only the language features of cloudfront-js-2.0, which has fewer than Node.

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

// Tracking parameters. They are for the page's own scripts and do not change the response.
const TRACKING =
  /^(utm_.+|gclid|dclid|gbraid|wbraid|_gl|fbclid|msclkid|ttclid|twclid|yclid|li_fat_id|igshid|mc_cid|mc_eid|srsltid)$/i;

const CRAWLER = new RegExp(
  '[^u]bot\\b|crawl|spider|slurp|mediapartners|facebookexternalhit|facebookcatalog|meta-externalagent|embedly|' +
    'whatsapp|pinterest/|slackbot|skypeuripreview|vkshare|iframely|mastodon|google-inspectiontool|duckduckgo-favicons',
  'i',
);
const RENDERED_FOR_CRAWLERS = /^\/$|^\/(products|category)\/[^/]+$/;

// The paths of the shop's router. All other paths get the document that the viewer response function answers with 404.
const PAGES = new RegExp(
  '^/((category|products|orders)/[^/]+|search|cart|checkout|orders|find-order|unsubscribe|account(/settings)?|sign-in|' +
    'sign-up|confirm|forgotten-password)?$',
);

// Header in the cache key. Only this function sets it; a value from the client is removed.
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
  request.uri = documentOf(address);
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

// Return the path with exactly one leading slash: with two, a redirect would lead to another host.
function addressOf(uri) {
  const tidy = '/' + uri.split(/[/\\]+/).filter((part) => part !== '').join('/');
  if (MOVED[tidy]) return MOVED[tidy];
  const above = Object.keys(MOVED_BELOW).find((prefix) => tidy.startsWith(prefix));
  if (above) return MOVED_BELOW[above] + tidy.slice(above.length);
  // S3 decodes keys, so an encoded path of the console would bypass the guard: redirect it to the console.
  return !isOfAdmin(tidy) && isOfAdmin(decoded(tidy).toLowerCase()) ? '/admin' : tidy;
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch (malformed) {
    return text;
  }
}

function documentOf(path) {
  if (isOfAdmin(path)) return '/admin/index.html';
  return PAGES.test(path) ? '/index.html' : '/not-found.html';
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
