import { html } from 'lit';

/** Bar beside a number: its share of the greatest. Hidden from screen readers, which have the number. */
export const shareBar = (value: number, greatest: number) => html`
  <svg class="share-bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
    <rect width=${greatest > 0 ? Math.max(0, (value / greatest) * 100) : 0} height="10" rx="1" />
  </svg>
`;
