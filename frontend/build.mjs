/** Bundles src/ into dist/: hashed scripts, styles and fonts, the public files, and the pages that name them. */
import { build } from 'esbuild';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { gzipSync } from 'node:zlib';
import { drawViews } from './pictures.mjs';
import { drawRenditions } from './renditions.mjs';

const out = 'dist';
const browsers = ['chrome123', 'edge123', 'firefox128', 'safari17.5'];
const common = { bundle: true, minify: true, metafile: true, outdir: `${out}/assets`, target: browsers, logLevel: 'warning' };

/** Compressed, of all scripts that the home page needs. */
const SCRIPT_BUDGET_KB = 60;

const config = JSON.parse(await readFile('../shop.json', 'utf8'));
const SHOP = { SHOP: escaped(config.name), TAGLINE: escaped(config.tagline), DESCRIPTION: escaped(config.description) };

await rm(out, { recursive: true, force: true });
await cp('public', out, { recursive: true });
await drawViews(`${out}/images/products`);
await drawRenditions(out);

const site = (entryPoints) =>
  build({
    ...common,
    entryPoints,
    format: 'esm',
    splitting: true,
    entryNames: '[name]-[hash]',
    chunkNames: '[name]-[hash]',
    assetNames: '[name]-[hash]',
    loader: { '.woff2': 'file' },
    external: ['/images/*'],
  });

const [shop, console_, early] = await Promise.all([
  site(['src/main.ts', 'src/styles/shop.css']),
  // Built apart, so that no buyer loads a byte of it, not even in a shared chunk.
  site(['src/admin/main.ts', 'src/admin/styles/console.css']),
  // The remembered theme is applied before the first paint, so this one file loads blocking.
  build({ ...common, entryPoints: ['src/theme-early.ts', 'src/offline-return.ts'], format: 'iife', entryNames: '[name]-[hash]' }),
]);

const outputs = { ...shop.metafile.outputs, ...console_.metafile.outputs, ...early.metafile.outputs };
const urlOf = (file) => file.replace(out, '');
const built = (source) => Object.keys(outputs).find((file) => outputs[file].entryPoint === source);
const sources = ['src/main.ts', 'src/theme-early.ts', 'src/offline-return.ts', 'src/styles/shop.css', 'src/admin/main.ts', 'src/admin/styles/console.css'];
const [main, theme, offlineReturn, style, consoleMain, consoleStyle] = sources.map(built);
const font = Object.keys(outputs).find((file) => /\.woff2$/.test(file));
const importsOf = (file) => outputs[file].imports.filter(({ kind }) => kind === 'import-statement').map(({ path }) => path);
const preloads = (file) => importsOf(file).map((path) => `<link rel="modulepreload" href="${urlOf(path)}">`).join('\n    ');

/** The chunks that each group of lazily loaded pages needs beside those of every page, for `src/page-groups.ts`. */
function groups() {
  const known = withImports(main);
  const entries = Object.entries(outputs).filter(([, { entryPoint }]) => /^src\/pages\/[\w-]+-pages\.ts$/.test(entryPoint ?? ''));
  return entries
    .map(([file, { entryPoint }]) => {
      const chunks = [...withImports(file)].filter((each) => !known.has(each)).map(urlOf);
      return `<meta name="chunks-of-${entryPoint.match(/([\w-]+)\.ts$/)[1]}" content="${chunks.join(' ')}">`;
    })
    .join('\n    ');
}

// The second is answered with 404, for paths that are no page.
for (const target of ['index.html', 'not-found.html']) {
  await fillIn('src/index.html', target, {
    THEME: urlOf(theme),
    STYLE: urlOf(style),
    FONT: urlOf(font),
    MAIN: urlOf(main),
    PRELOADS: preloads(main),
    GROUPS: groups(),
  });
}
await fillIn('src/admin/index.html', 'admin/index.html', {
  THEME: urlOf(theme),
  STYLE: urlOf(consoleStyle),
  MAIN: urlOf(consoleMain),
  PRELOADS: preloads(consoleMain),
});
await fillIn('src/offline.html', 'offline.html', { THEME: urlOf(theme), STYLE: urlOf(style), RETURN: urlOf(offlineReturn) });
await fillIn('src/service-worker.js', 'service-worker.js', {
  NAME: style.match(/-(\w+)\.css$/)[1],
  KEPT: JSON.stringify(['/offline.html', urlOf(theme), urlOf(offlineReturn), urlOf(style), urlOf(font)]),
});
await report();

async function fillIn(source, target, values) {
  const text = await readFile(source, 'utf8');
  const all = { ...SHOP, ...values };
  await mkdir(dirname(`${out}/${target}`), { recursive: true });
  await writeFile(`${out}/${target}`, text.replace(/%([A-Z]+)%/g, (_, name) => all[name]));
}

function escaped(text) {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

async function report() {
  const sizes = {};
  for (const file of Object.keys(outputs).sort()) sizes[file] = gzipSync(await readFile(file)).length / 1024;
  for (const [file, size] of Object.entries(sizes)) console.log(`${size.toFixed(1).padStart(7)} KB gz  ${file}`);
  const home = [...withImports(main), ...withImports(theme)].reduce((sum, file) => sum + sizes[file], 0);
  console.log(`${home.toFixed(1).padStart(7)} KB gz  scripts of the home page, of ${SCRIPT_BUDGET_KB}`);
  if (home > SCRIPT_BUDGET_KB) throw new Error(`The home page's scripts are over their budget of ${SCRIPT_BUDGET_KB} KB.`);
}

function withImports(file, seen = new Set()) {
  if (!seen.has(file)) {
    seen.add(file);
    for (const path of importsOf(file)) withImports(path, seen);
  }
  return seen;
}
