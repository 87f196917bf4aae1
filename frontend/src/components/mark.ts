import { html } from 'lit';

/** The shop's mark: an open book, pitched like a tent, with a pennant for a bookmark. */
export const mark = html`
  <svg class="mark" viewBox="0 0 40 40" aria-hidden="true" focusable="false">
    <path class="mark-pole" d="M20 3.5V11" />
    <path class="mark-pennant" d="M20 3.5 29 6l-9 2.6z" />
    <path class="mark-page" d="M20 14.2 33.4 34H6.6z" />
    <path class="mark-cover" d="M20 9 2.5 34.2h5.2L20 16.4l12.300 17.8h5.2z" />
    <path class="mark-line" d="M13.800 30.200h4.400M15.900 26.600h2.300M26.200 30.200h-4.400M24.100 26.600h-2.300" />
    <path class="mark-fold" d="M20 18v16" />
    <path class="mark-ground" d="M1.500 36.500h37" />
  </svg>
`;
