/** On the offline page: opens the wanted page as soon as the shop answers again. */
const PAUSE_MS = 5_000;

async function openWhenReachable(): Promise<void> {
  const answer = await fetch(location.href, { method: 'HEAD', cache: 'no-store' }).catch(() => null);
  if (answer) location.reload();
}

// Opened under its own address, the page has nowhere to go.
if (location.pathname !== '/offline.html') {
  addEventListener('online', () => void openWhenReachable());
  setInterval(() => void openWhenReachable(), PAUSE_MS);
}
