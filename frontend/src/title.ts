/** What a page says of itself to the window, to search engines, and to those who share its address. */
import { SHOP } from './shop';

const DESCRIPTION = `${SHOP.tagline}. ${SHOP.description}`;

interface About {
  /** One sentence for search results; the shop's own if absent. */
  description?: string;
  /** For one person only, or not there at all: not to be listed anywhere. */
  isUnlisted?: boolean;
}

export function setTitle(name?: string, { description = DESCRIPTION, isUnlisted = false }: About = {}): void {
  document.title = name ? `${name} – ${SHOP.name}` : `${SHOP.name} – ${SHOP.tagline}`;
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
