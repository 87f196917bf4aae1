import { html, svg, type SVGTemplateResult, type TemplateResult } from 'lit';

/** One small still life per shelf; classes a to d take the shelf's own colours from the stylesheet. */
const drawings: Record<string, SVGTemplateResult> = {
  camp: svg`
    <circle class="c" cx="90" cy="30" r="11"/>
    <path class="b" d="M56 28 14 96h42z"/><path class="a" d="m56 28 50 68H56z"/>
    <path class="d" d="M56 52 42 96h28z"/><path class="line" d="M56 28V20M14 96l-8 5M106 96l8 5M6 101h108"/>`,
  kitchen: svg`
    <path class="a" d="M36 46h46l7 46a7 7 0 0 1-7 8H36a7 7 0 0 1-7-8z"/>
    <path class="b" d="M36 46h20l-6 54H36a7 7 0 0 1-7-8z"/>
    <path class="c" d="M84 54l20-12 2 5-18 24z"/><path class="d" d="M40 34h38l4 12H36z"/>
    <circle class="c" cx="59" cy="29" r="5"/><path class="line" d="M30 56c-17-1-19 27-2 28M52 18c-4-5 4-7 0-12M66 18c-4-5 4-7 0-12"/>`,
  light: svg`
    <path class="line" d="M42 34c0-28 36-28 36 0"/><path class="b" d="M46 30h28l5 10H41z"/>
    <path class="d" d="M43 40h34l6 44H37z"/><path class="c" d="M60 50c12 13 10 26 0 28-10-2-12-15 0-28z"/>
    <path class="a" d="M35 84h50l4 17H31z"/><path class="line" d="M51 40l-4 44M69 40l4 44"/>`,
  carry: svg`
    <path class="line" d="M46 30c0-20 28-20 28 0"/><path class="a" d="M34 44c0-20 52-20 52 0v50a8 8 0 0 1-8 8H42a8 8 0 0 1-8-8z"/>
    <path class="b" d="M34 46c0-22 52-22 52 0v14H34z"/><path class="d" d="M42 72h36v22H42z"/>
    <path class="c" d="M55 54h10v16H55z"/><path class="line" d="M42 80h36M34 66c-10 4-10 26 0 30M86 66c10 4 10 26 0 30"/>`,
  wear: svg`
    <path class="a" d="M40 50c0-40 42-40 42 0v36H40z"/><path class="b" d="M40 74c-12-2-22-12-22-22 0-9 12-10 14-1l8 8z"/>
    <path class="d" d="m61 34 7 9-7 9-7-9zM47 56l5 6-5 6-5-6zM75 56l5 6-5 6-5-6zM61 56l5 6-5 6-5-6z"/>
    <path class="c" d="M37 84h48v17H37z"/><path class="line" d="M45 86v13M53 86v13M61 86v13M69 86v13M77 86v13"/>`,
  paper: svg`
    <path class="b" d="M30 22h54a6 6 0 0 1 6 6v70H36a6 6 0 0 1-6-6z"/><path class="d" d="M36 86h54v10H36a5 5 0 0 1 0-10z"/>
    <path class="a" d="M30 22h10v64a9 9 0 0 0-10 6z"/><path class="c" d="M64 22h9v34l-4.500-5-4.500 5z"/>
    <path class="line" d="M50 66h28M50 74h18M112 26 96 78l-3 9-3-9 15-54z"/>`,
};

export function categoryArt(id: string): TemplateResult {
  return html`
    <svg class="art shelf-${id}" viewBox="0 0 120 120" aria-hidden="true" focusable="false">
      ${drawings[id] ?? drawings.camp}
    </svg>
  `;
}
