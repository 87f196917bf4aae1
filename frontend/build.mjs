/** Bundles src/ into dist/: hashed scripts and styles, the public files, and the pages that name them. */
import { build } from 'esbuild';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { gzipSync } from 'node:zlib';

const out = 'dist';
const browsers = ['chrome123', 'edge123', 'firefox128', 'safari17.5'];
const common = { bundle: true, minify: true, metafile: true, outdir: `${out}/assets`, target: browsers, logLevel: 'warning' };

await rm(out, { recursive: true, force: true });
await cp('public', out, { recursive: true });

const site = (entryPoints) =>
  build({
    ...common,
    entryPoints,
    format: 'esm',
    splitting: true,
    entryNames: '[name]-[hash]',
    chunkNames: '[name]-[hash]',
    external: ['/images/*'],
  });

const [shop, console_, early] = await Promise.all([
  site(['src/main.ts', 'src/styles/shop.css']),
  // Built apart, so that no buyer loads a byte of it, not even in a shared chunk.
  site(['src/admin/main.ts', 'src/admin/styles/console.css']),
  // The remembered theme is applied before the first paint, so this one file loads blocking.
  build({ ...common, entryPoints: ['src/theme-early.ts'], format: 'iife', entryNames: '[name]-[hash]' }),
]);

const outputs = { ...shop.metafile.outputs, ...console_.metafile.outputs, ...early.metafile.outputs };
const urlOf = (file) => file.replace(out, '');
const built = (source) => Object.keys(outputs).find((file) => outputs[file].entryPoint === source);

/** A page's HTML with the names that its files got. */
async function write(page, script, style) {
  const main = built(script);
  const preloads = outputs[main].imports
    .filter(({ kind }) => kind === 'import-statement')
    .map(({ path }) => `<link rel="modulepreload" href="${urlOf(path)}">`);
  const html = (await readFile(`src/${page}`, 'utf8'))
    .replace('%THEME%', urlOf(built('src/theme-early.ts')))
    .replace('%STYLE%', urlOf(built(style)))
    .replace('%MAIN%', urlOf(main))
    .replace('%PRELOADS%', preloads.join('\n    '));
  await mkdir(dirname(`${out}/${page}`), { recursive: true });
  await writeFile(`${out}/${page}`, html);
}

await write('index.html', 'src/main.ts', 'src/styles/shop.css');
await write('admin/index.html', 'src/admin/main.ts', 'src/admin/styles/console.css');

for (const file of Object.keys(outputs).sort()) {
  const size = gzipSync(await readFile(file)).length;
  console.log(`${(size / 1024).toFixed(1).padStart(7)} KB gz  ${file}`);
}
