import { html, svg, type SVGTemplateResult } from 'lit';

export const icon = (strokes: SVGTemplateResult) => html`
  <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">${strokes}</svg>
`;

export const icons = {
  basket: icon(svg`<path d="M3.5 9.5h17l-1.7 9.2a1.6 1.6 0 0 1-1.6 1.3H6.8a1.6 1.6 0 0 1-1.6-1.3z"/><path d="m8 9.5 2.6-6M16 9.5l-2.6-6M9.5 13v3.5M14.5 13v3.5"/>`),
  search: icon(svg`<circle cx="10.5" cy="10.5" r="6.2"/><path d="m15.2 15.2 5.3 5.3"/>`),
  person: icon(svg`<circle cx="12" cy="8" r="4"/><path d="M4 20.5c.8-4.2 4-6 8-6s7.2 1.8 8 6"/>`),
  sun: icon(svg`<circle cx="12" cy="12" r="4.2"/><path d="M12 2.5v2.6M12 18.9v2.6M2.5 12h2.6M18.9 12h2.6M5.3 5.3l1.8 1.8M16.9 16.9l1.8 1.8M5.3 18.7l1.8-1.8M16.9 7.1l1.8-1.8"/>`),
  moon: icon(svg`<path d="M20 14.6A8.4 8.4 0 0 1 9.4 4 8.4 8.4 0 1 0 20 14.6z"/>`),
  plus: icon(svg`<path d="M12 5v14M5 12h14"/>`),
  minus: icon(svg`<path d="M5 12h14"/>`),
  close: icon(svg`<path d="m6 6 12 12M18 6 6 18"/>`),
  check: icon(svg`<path d="m5 12.6 4.6 4.6L19 7.4"/>`),
  back: icon(svg`<path d="M19 12H5m6-6.5L4.6 12l6.4 6.5"/>`),
  parcel: icon(svg`<path d="m3.5 7.5 8.500-4.200 8.500 4.200v9L12 20.700l-8.500-4.200z"/><path d="m3.500 7.500 8.500 4.300 8.500-4.300M12 11.800v8.900M7.800 5.400l8.500 4.300v3.400"/>`),
  page: icon(svg`<path d="M6 3h8.500L19 7.500V21H6z"/><path d="M14 3v5h5M9 12.500h7M9 16h7"/>`),
  copy: icon(svg`<path d="M9 8.500h11V20H9z"/><path d="M15 8.500V4H4v11.500h5"/>`),
  arrow: icon(svg`<path d="M5 12h14m-6-6.5 6.4 6.5-6.4 6.5"/>`),
};
