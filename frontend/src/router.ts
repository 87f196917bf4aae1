/** Router on the History API: links are ordinary links, and this file handles their clicks. */
export interface Route<Page> {
  path: string;
  /** Brings what the page is made of, if the shop did not bring it already. */
  fetch?: () => Promise<unknown>;
  open: (params: Record<string, string>, query: URLSearchParams) => Page;
}

interface Resolved<Page> {
  fetch?: () => Promise<unknown>;
  open: () => Page;
}

export function resolve<Page>(routes: Route<Page>[], url: URL): Resolved<Page> {
  for (const { path, fetch, open } of routes) {
    const pattern = path.replace(/:(\w+)/g, '(?<$1>[^/]+)');
    const found = new RegExp(`^${pattern}/?$`).exec(url.pathname);
    if (!found) continue;
    const params = Object.entries(found.groups ?? {}).map(([name, value]) => [name, decodeURIComponent(value)]);
    return { fetch, open: () => open(Object.fromEntries(params), url.searchParams) };
  }
  throw new Error(`No route for ${url.pathname}`);
}

let follow: (url: URL, scrollTo: number) => void = () => undefined;
let isOurs: (path: string) => boolean = () => true;

export function navigate(to: string, { replace = false } = {}): void {
  if (!isOurs(new URL(to, location.href).pathname)) return location[replace ? 'replace' : 'assign'](to);
  history.replaceState({ scroll: scrollY }, '');
  history[replace ? 'replaceState' : 'pushState'](null, '', to);
  follow(new URL(location.href), 0);
}

export const isOfConsole = (path: string) => /^\/admin(\/|$)/.test(path);

/** The shop and its console are two documents: an address for which `ours` says no is left to the browser. */
export function startRouter(onChange: typeof follow, ours: typeof isOurs): void {
  follow = onChange;
  isOurs = ours;
  history.scrollRestoration = 'manual';
  addEventListener('popstate', (event) => follow(new URL(location.href), event.state?.scroll ?? 0));
  addEventListener('pagehide', () => history.replaceState({ scroll: scrollY }, ''));
  document.addEventListener('click', (event) => {
    const link = (event.target as Element).closest?.('a');
    const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    if (!link || !isPlain || event.defaultPrevented || link.target || link.origin !== location.origin) return;
    if (!isOurs(link.pathname)) return;
    const isSamePage = link.pathname === location.pathname && link.search === location.search;
    if (isSamePage && link.hash) return;
    event.preventDefault();
    navigate(link.href, { replace: isSamePage });
  });
  follow(new URL(location.href), history.state?.scroll ?? 0);
}
