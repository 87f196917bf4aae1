/**
 * Further views of each product, made from its one plate: a close look, on the shop's counter, and the maker's
 * drawing with its measures. So all pictures are of one hand, and a new plate brings its views along.
 */
import { readFile, writeFile } from 'node:fs/promises';

/** Every plate paints its ground first, and ends it with these specks. */
const END_OF_GROUND = /stroke="#FFF8E8" stroke-width="3\.4" opacity="[.\d]+" stroke-linecap="round"\/>/;

const ROOMS = {
  camp: { wall: '#cbd8c6', plank: '#b4c6b0', sky: '#f6e6c9', far: '#b9c7c6', near: '#5b8376', water: '#8fadb0', sun: '#e8a63c' },
  carry: { wall: '#ccd9df', plank: '#b4c7cf', sky: '#f3ead6', far: '#aebfc4', near: '#4d7480', water: '#88a7b3', sun: '#efc87e' },
  kitchen: { wall: '#f2e0b8', plank: '#e4cc97', sky: '#fbeed2', far: '#bfcac4', near: '#6f917f', water: '#93b0ae', sun: '#e0a030' },
  light: { wall: '#1b3449', plank: '#152a3c', sky: '#0f2234', far: '#24445a', near: '#142b3b', water: '#1c3c50', sun: '#f1ddb0' },
  paper: { wall: '#e9e2d3', plank: '#d8cfbb', sky: '#f6e9cf', far: '#bac3bd', near: '#6b857a', water: '#9db2b0', sun: '#e8bb6a' },
  wear: { wall: '#f0d4cc', plank: '#e3bcb2', sky: '#fbeadb', far: '#c3c8c8', near: '#7b8f8c', water: '#a3b7b9', sun: '#e9a75c' },
};

export async function drawViews(folder) {
  const details = JSON.parse(await readFile('pictures.json', 'utf8'));
  await Promise.all(
    Object.entries(details).map(async ([sku, detail]) => {
      const plate = taken(await readFile(`${folder}/${sku}.svg`, 'utf8'));
      const room = ROOMS[sku.split('-')[0].toLowerCase()];
      const views = { close: closeLook(plate, detail), counter: onTheCounter(plate, room), drawing: drawing(plate, detail) };
      await Promise.all(Object.entries(views).map(([name, svg]) => writeFile(`${folder}/${sku}-${name}.svg`, svg)));
    }),
  );
}

/** A plate in its parts: what it defines, all it paints, and what stands before its ground. */
function taken(svg) {
  const defs = svg.match(/<defs>.*<\/defs>/s)[0];
  const all = svg.slice(svg.indexOf('</defs>') + '</defs>'.length, svg.lastIndexOf('</svg>'));
  return { defs, all, thing: all.split(END_OF_GROUND)[1] };
}

const sheet = (viewBox, inside) => `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${viewBox}" fill="none">${inside}</svg>\n`;

const closeLook = ({ defs, all }, { close: [x, y, size] }) => sheet(`${x} ${y} ${size} ${size}`, defs + all);

function onTheCounter({ defs, thing }, room) {
  const planks = Array.from({ length: 12 }, (_, n) => `M${34 + n * 68} 0V600`).join('');
  const stars = Array.from({ length: 40 }, (_, n) => `M${n * 40 - 400} 700l10-10 10 10-10 10zM${n * 40 - 380} 700h.1`).join('');
  return sheet(
    '0 0 800 800',
    `${defs}
    <rect width="800" height="800" fill="${room.wall}"/><path d="${planks}" stroke="${room.plank}" stroke-width="3"/>
    <g transform="translate(64 70)">
      <path d="M-16-16H316V326H-16z" fill="#fbf3e3"/><path d="M0 0H300V300H0z" fill="${room.sky}"/>
      <circle cx="206" cy="104" r="34" fill="${room.sun}"/>
      <path d="M0 190 60 120 104 158 168 84 232 160 300 112V230H0z" fill="${room.far}"/>
      <path d="M0 214 90 178 190 204 300 166V250H0z" fill="${room.near}"/><path d="M0 236H300V300H0z" fill="${room.water}"/>
      <path d="M40 262h52M130 276h70M210 258h44" stroke="#fbf3e3" stroke-width="4" opacity=".55"/>
      <path d="M150 0V300M0 140H300" stroke="#fbf3e3" stroke-width="12"/><path d="M-30 318H330V338H-30z" fill="#e9dcc2"/>
    </g>
    <g transform="translate(470 236)">
      <path d="M-6 0H310V16H-6z" fill="#7a5635"/><path d="M20 16v30M284 16v30" stroke="#5f4228" stroke-width="10"/>
      <path d="M14-110h34V0H14z" fill="#1d4f43"/><path d="M48-96h26V0H48z" fill="#a8233a"/><path d="M74-118h30V0H74z" fill="#24475a"/>
      <path d="m108-98 28-7 26 101-26 4z" fill="#e0a030"/><path d="M22-84h18M82-92h14" stroke="#fbf3e3" stroke-width="4"/>
      <path d="M196-58c-12 10-14 46-4 58h68c10-12 8-48-4-58z" fill="#f8f3e8"/><path d="M200-70h52v12h-52z" fill="#24475a"/>
      <path d="M192-30h68" stroke="#24475a" stroke-width="5"/>
    </g>
    <path d="M0 566H800V620H0z" fill="#b98247"/><path d="M0 566H800V574H0z" fill="#d6a468"/>
    <path d="M0 620H800V800H0z" fill="#8f5d2a"/><path d="M0 620H800V632H0z" fill="#6d4420" opacity=".6"/>
    <path d="M0 662H800V738H0z" fill="#a8233a"/><path d="${stars}" fill="#fbf3e3" stroke="#fbf3e3" stroke-width="3" stroke-linecap="round"/>
    <path d="M0 672H800M0 728H800" stroke="#fbf3e3" stroke-width="3" stroke-dasharray="6 8"/>
    <g transform="translate(136 130) scale(.7)">${thing}</g>`,
  );
}

/** A blueprint, as the sun would print it: the thing in two tones, its measures beside it. */
function drawing({ defs, thing }, { box: [x, y, width, height], wide, high, note, beside = x + width + 46 }) {
  const grid = Array.from({ length: 19 }, (_, n) => `M${40 * (n + 1)} 0V800M0 ${40 * (n + 1)}H800`).join('');
  const below = Math.min(y + height + 56, 716);
  return sheet(
    '0 0 800 800',
    `${defs}<defs><filter id="sunprint" color-interpolation-filters="sRGB" x="0" y="0" width="100%" height="100%"><feColorMatrix values="
      .19 .63 .07 0 .07  .15 .50 .06 0 .24  .12 .40 .04 0 .35  0 0 0 1 0"/></filter></defs>
    <rect width="800" height="800" fill="#143a55"/><path d="${grid}" stroke="#f1eadb" stroke-opacity=".09" stroke-width="1.5"/>
    <path d="M24 24H776V776H24z" stroke="#f1eadb" stroke-opacity=".5" stroke-width="2.5"/>
    <g filter="url(#sunprint)"><rect width="800" height="800" fill="#000" fill-opacity="0"/>${thing}</g>
    <g stroke="#f1eadb" stroke-width="3" stroke-linecap="round">
      ${wide ? `<path d="M${x} ${below}H${x + width}M${x} ${below - 14}v28M${x + width} ${below - 14}v28"/>` : ''}
      ${high ? `<path d="M${beside} ${y}V${y + height}M${beside - 14} ${y}h28M${beside - 14} ${y + height}h28"/>` : ''}
    </g>
    <g fill="#f1eadb" font-family="Iowan Old Style, Palatino Linotype, Palatino, P052, Georgia, serif" font-size="30" text-anchor="middle">
      ${wide ? measure(x + width / 2, below, wide) : ''}${high ? measure(beside, y + height / 2, high, -90) : ''}
      <text x="48" y="66" font-size="26" font-style="italic" text-anchor="start">${note}</text>
    </g>`,
  );
}

const measure = (x, y, text, turn = 0) => `
  <g transform="translate(${x} ${y}) rotate(${turn})">
    <rect x="${-9 * text.length - 8}" y="-20" width="${18 * text.length + 16}" height="40" fill="#143a55"/><text y="10">${text}</text>
  </g>`;
