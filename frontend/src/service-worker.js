/**
 * A fallback for visitors without a connection: a page opened while offline shows /offline.html instead of the
 * browser's own error. It keeps that page and nothing else, so it can never show an old price.
 */
const SHELTER = 'shelter-%NAME%';
const KEPT = %KEPT%;

addEventListener('install', (event) => {
  event.waitUntil(caches.open(SHELTER).then((cache) => cache.addAll(KEPT)));
});

addEventListener('activate', (event) => {
  const leaveOld = (names) => Promise.all(names.filter((name) => name !== SHELTER).map((name) => caches.delete(name)));
  event.waitUntil(caches.keys().then(leaveOld));
});

addEventListener('fetch', (event) => {
  if (event.request.mode === 'navigate') {
    event.respondWith(fetch(event.request).catch(() => caches.match('/offline.html')));
  } else if (KEPT.some((path) => event.request.url === location.origin + path)) {
    event.respondWith(caches.match(event.request).then((kept) => kept ?? fetch(event.request)));
  }
});
