// Viewer response function: runs after the cache lookup and sets cookies for the page's scripts: the experiment variant,
// and currency and language by the visitor's country. The distribution's policies set the constant headers. A page that
// the shop does not have gets the status 404: the same document answers all paths, and draws the page for it.

const HALF_A_YEAR = 15552000;
const VARIANTS = ['a', 'b'];

// Currency and language by country. They are hints for the page; the shop charges in one currency.
const EURO_IN_ENGLISH = 'AD BG CY EE HR IE LT LU LV MC ME MT SI SK SM XK'.split(' ');
const COUNTRIES = {
  DE: ['EUR', 'de'],
  FR: ['EUR', 'fr'],
  ES: ['EUR', 'es'],
  IT: ['EUR', 'it'],
  NL: ['EUR', 'nl'],
  PT: ['EUR', 'pt'],
  GR: ['EUR', 'el'],
  AT: ['EUR', 'de'],
  BE: ['EUR', 'nl'],
  FI: ['EUR', 'fi'],
  NO: ['NOK', 'nb'],
  SE: ['SEK', 'sv'],
  DK: ['DKK', 'da'],
  IS: ['ISK', 'is'],
  CH: ['CHF', 'de'],
  LI: ['CHF', 'de'],
  GB: ['GBP', 'en'],
  PL: ['PLN', 'pl'],
  CZ: ['CZK', 'cs'],
  HU: ['HUF', 'hu'],
  RO: ['RON', 'ro'],
  US: ['USD', 'en'],
  CA: ['CAD', 'en'],
  AU: ['AUD', 'en'],
  NZ: ['NZD', 'en'],
  JP: ['JPY', 'ja'],
};

// As in the viewer request function. The documentation ("CloudFront Functions event structure") does not say whether its
// changes are seen here: the path is that of the document, or the viewer's.
const PAGES = new RegExp(
  '^/((category|products|orders)/[^/]+|search|cart|checkout|orders|find-order|unsubscribe|account(/settings)?|sign-in|' +
    'sign-up|confirm|forgotten-password)?$',
);

function handler(event) {
  const response = event.response;
  if (!isPage(response)) return response;
  if (response.statusCode === 200 && isUnknown(event.request.uri)) {
    response.statusCode = 404;
    response.statusDescription = 'Not Found';
  }
  const known = event.request.cookies;
  if (!known.saga_ab || !VARIANTS.includes(known.saga_ab.value)) {
    remember(response, 'saga_ab', VARIANTS[Math.random() < 0.5 ? 0 : 1]);
  }
  const hint = hintFor(event.request.headers['cloudfront-viewer-country']);
  if (hint && !known.saga_currency) remember(response, 'saga_currency', hint[0]);
  if (hint && !known.saga_language) remember(response, 'saga_language', hint[1]);
  return response;
}

function isUnknown(uri) {
  const isFile = uri.split('/').pop().includes('.');
  return uri === '/not-found.html' || !(isFile || PAGES.test(uri) || /^\/admin(\/|$)/.test(uri));
}

// Set cookies on pages only: browsers and proxies cache files, and a cookie must not be cached.
function isPage(response) {
  const type = response.headers['content-type'];
  return type !== undefined && type.value.startsWith('text/html');
}

function hintFor(country) {
  if (!country || !/^[A-Z]{2}$/.test(country.value)) return null;
  if (EURO_IN_ENGLISH.includes(country.value)) return ['EUR', 'en'];
  return COUNTRIES[country.value] || null;
}

function remember(response, name, value) {
  response.cookies[name] = { value: value, attributes: `Path=/; Max-Age=${HALF_A_YEAR}; Secure; SameSite=Lax` };
}
