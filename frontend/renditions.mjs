/** PNG renditions for emails, because no large mail program draws SVG: of each product's plate, and of the shop's mark. */
import { initWasm, Resvg } from '@resvg/resvg-wasm';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** Twice the size that emails show them at. */
const PLATE = 128;
const MARK = 80;

/** A plate's rendition has its name: an email asks for `CAMP-AXE-01.png` where the page shows `CAMP-AXE-01.svg`. */
export async function drawRenditions(out) {
  await initWasm(await readFile(fileURLToPath(import.meta.resolve('@resvg/resvg-wasm/index_bg.wasm'))));
  await render('public/favicon.svg', `${out}/images/mark.png`, MARK);
  const plates = (await readdir('public/images/products')).filter((name) => name.endsWith('.svg'));
  for (const name of plates) {
    await render(`public/images/products/${name}`, `${out}/images/products/${name.replace(/svg$/, 'png')}`, PLATE);
  }
}

async function render(source, target, width) {
  const drawing = new Resvg(await readFile(source, 'utf8'), { fitTo: { mode: 'width', value: width } });
  await writeFile(target, drawing.render().asPng());
}
