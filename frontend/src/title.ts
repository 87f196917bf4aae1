/** What a page says of itself to the window, to search engines, and to whoever shares its address. */
const SHOP = 'Goods for long stories. A small general store for camp, kitchen and the long dark.';

interface About {
  /** One sentence for search results; the shop's own if absent. */
  description?: string;
  /** For one person only, or not there at all: not to be listed anywhere. */
  isUnlisted?: boolean;
}

export function setTitle(name?: string, { description = SHOP, isUnlisted = false }: About = {}): void {
  document.title = name ? `${name} – Saga Supply` : 'Saga Supply – Goods for long stories';
  meta('description').content = description.length > 160 ? `${description.slice(0, 157).trimEnd()}…` : description;
  meta('robots').content = isUnlisted ? 'noindex' : 'index, follow';
  canonical().href = location.origin + location.pathname;
}

function meta(name: string): HTMLMetaElement {
  return document.head.querySelector<HTMLMetaElement>(`meta[name="${name}"]`) ?? added('meta', { name });
}

function canonical(): HTMLLinkElement {
  return document.head.querySelector<HTMLLinkElement>('link[rel="canonical"]') ?? added('link', { rel: 'canonical' });
}

function added<Tag extends 'meta' | 'link'>(tag: Tag, attributes: object): HTMLElementTagNameMap[Tag] {
  const element = Object.assign(document.createElement(tag), attributes);
  document.head.append(element);
  return element;
}
