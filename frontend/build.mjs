/** Bundles src/ into dist/: hashed scripts and styles, the public files, and the page that names them. */
import { build } from 'esbuild';
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';

const out = 'dist';
const browsers = ['chrome123', 'edge123', 'firefox128', 'safari17.5'];
const common = { bundle: true, minify: true, metafile: true, outdir: `${out}/assets`, target: browsers, logLevel: 'warning' };

await rm(out, { recursive: true, force: true });
await cp('public', out, { recursive: true });

const [app, early] = await Promise.all([
  build({
    ...common,
    entryPoints: ['src/main.ts', 'src/styles/shop.css'],
    format: 'esm',
    splitting: true,
    entryNames: '[name]-[hash]',
    chunkNames: '[name]-[hash]',
    external: ['/images/*'],
  }),
  // The remembered theme is applied before the first paint, so this one file loads blocking.
  build({ ...common, entryPoints: ['src/theme-early.ts'], format: 'iife', entryNames: '[name]-[hash]' }),
]);

const outputs = { ...app.metafile.outputs, ...early.metafile.outputs };
const urlOf = (file) => file.replace(out, '');
const built = (source) => Object.keys(outputs).find((file) => outputs[file].entryPoint === source);
const main = built('src/main.ts');
const preloads = outputs[main].imports
  .filter(({ kind }) => kind === 'import-statement')
  .map(({ path }) => `<link rel="modulepreload" href="${urlOf(path)}">`);

const page = (await readFile('src/index.html', 'utf8'))
  .replace('%THEME%', urlOf(built('src/theme-early.ts')))
  .replace('%STYLE%', urlOf(built('src/styles/shop.css')))
  .replace('%MAIN%', urlOf(main))
  .replace('%PRELOADS%', preloads.join('\n    '));
await writeFile(`${out}/index.html`, page);

for (const file of Object.keys(outputs).sort()) {
  const size = gzipSync(await readFile(file)).length;
  console.log(`${(size / 1024).toFixed(1).padStart(7)} KB gz  ${file}`);
}
