import { html } from 'lit';

/** A boat between our quay and the other side, so many legs of four away from us. */
export const voyage = (leg: number, isTurning = false) => html`
  <div class="voyage voyage-leg-${leg} ${isTurning ? 'is-turning' : ''}" aria-hidden="true">
    <svg class="voyage-quay" viewBox="0 0 150 90" focusable="false">
      <path class="quay" d="M0 76h150v8H0z" /><path class="stilts" d="M14 84v6M52 84v6M98 84v6M140 84v6" />
      <path class="wall" d="M22 40 56 12l34 28v36H22z" /><path class="roof" d="M56 6 14 41l5 6 37-31 37 31 5-6z" />
      <path class="pane" d="M38 46h12v14H38zM62 46h12v14H62z" /><path class="door" d="M51 62h10v14H51z" />
      <path class="pole" d="M116 76V22" /><path class="pennant" d="M116 23c11-4 16 4 28 1-9 5-18 2-28 8z" />
    </svg>
    <span class="voyage-route"></span>
    <svg class="voyage-boat" viewBox="0 0 90 70" focusable="false">
      <path class="mast" d="M44 52V6" /><path class="sail" d="M47 8c20 8 26 22 27 36H47z" /><path class="jib" d="M41 14 18 44h23z" />
      <path class="load" d="M30 42h14v10H30zM50 44h12v8H50z" /><path class="hull" d="M10 50c22 6 48 6 70-2-4 14-12 20-22 20H28c-9 0-15-6-18-18z" />
    </svg>
    <svg class="voyage-away" viewBox="0 0 150 90" focusable="false">
      <path class="hill" d="M0 84C30 40 58 30 90 46s40 20 60 38z" />
      <path class="wall" d="M66 50 84 36l18 14v26H66z" /><path class="roof" d="M84 31 61 50l4 5 19-15 19 15 4-5z" /><path class="pane" d="M78 54h12v11H78z" />
      <path class="house" d="M108 58 120 49l12 9v18h-24z" /><path class="roof" d="m120 45-15 12 3 4 12-9 12 9 3-4z" />
      <path class="quay" d="M0 76h150v8H0z" /><path class="stilts" d="M12 84v6M60 84v6M108 84v6M140 84v6" />
    </svg>
  </div>
`;
