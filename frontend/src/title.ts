/** Names the page in the window's title. */
export function setTitle(name?: string): void {
  document.title = name ? `${name} – Saga Supply` : 'Saga Supply – Goods for long stories';
}
