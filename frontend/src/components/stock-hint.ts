import { html, type TemplateResult } from 'lit';

const FEW = 5;

export const isPlenty = (available: number) => available > FEW;

export function stockHint(available: number): TemplateResult {
  if (available <= 0) return html`<p class="stock stock-none">Sold out</p>`;
  if (available <= FEW) return html`<p class="stock stock-few">Only ${available} left</p>`;
  return html`<p class="stock stock-plenty">In stock</p>`;
}
