/** Draws a workflow, whose definition is read from stdin, as SVG to stdout: the same graph as in the console. */
import { build } from 'esbuild';
import { text } from 'node:stream/consumers';

const MEASURES = { node: { width: 156, height: 40 }, gap: 25, lane: 110 };
const MARGIN = 10;
const STYLE = `
  :root { --ink: #1d2b2f; --quiet: #6b7b80; --paper: #ffffff; --fill: #eef3f4; --back: #a3541b; }
  @media (prefers-color-scheme: dark) { :root { --ink: #e6eef0; --quiet: #8fa0a6; --paper: #10181b; --fill: #1c282c; --back: #e79a5f; } }
  svg { background: var(--paper); }
  text { font: 12px system-ui, sans-serif; fill: var(--ink); text-anchor: middle; }
  rect { fill: var(--fill); stroke: var(--quiet); }
  .undo rect { stroke: var(--back); }
  path { fill: none; stroke: var(--ink); stroke-width: 1.3; }
  .catch { stroke: var(--back); stroke-dasharray: 4 3; } .rail { stroke: var(--quiet); opacity: .6; }
  .head { fill: var(--ink); stroke: none; } .start { fill: var(--ink); } .end { fill: none; stroke: var(--ink); stroke-width: 2; }
`;

const entry = "export { layout } from './src/admin/saga/layout';";
const bundle = await build({ stdin: { contents: entry, resolveDir: '.' }, bundle: true, write: false, format: 'esm', logLevel: 'warning' });
const { layout } = await import(`data:text/javascript;base64,${Buffer.from(bundle.outputFiles[0].text).toString('base64')}`);

const machine = JSON.parse(await text(process.stdin));
const { boxes, lines, start, ends, width, height } = layout(machine, MEASURES);
// The coverage of the workflows is drawn into the finished picture, by the states that a line names.
const path = (points, from, to, look = '') =>
  `<path class="${look}" data-from="${from}" data-to="${to}" d="M${points.map((point) => point.join(' ')).join(' L')}"/>`;
const dot = ([x, y], look) => `<circle class="${look}" cx="${x}" cy="${y}" r="4"/>`;
const arrow = ({ edge, points, isRail }) =>
  path(points, edge.from, edge.to, `${edge.way}${isRail ? ' rail' : ''}`).replace('/>', ' marker-end="url(#head)"/>');
const node = ({ name, x, y, width, height, lane }) =>
  `<g class="${lane > 0 ? 'undo' : ''}"><rect x="${x}" y="${y}" width="${width}" height="${height}" rx="7"/>` +
  `<text x="${x + width / 2}" y="${y + height / 2 + 4}">${name}</text></g>`;

const size = [width + 2 * MARGIN, height + MARGIN];
process.stdout.write(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="${-MARGIN} 0 ${size.join(' ')}" width="${size[0]}" height="${size[1]}">
<style>${STYLE}</style>
<defs><marker id="head" viewBox="0 0 10 10" refX="8.5" refY="5" markerWidth="7" markerHeight="7" orient="auto"><path class="head" d="M1 1 9 5 1 9z"/></marker></defs>
${[dot(start[0], 'start'), path(start, 'start', machine.StartAt), ...ends.flatMap(({ name, points }) => [path(points, name, 'end'), dot(points[1], 'end')])].join('\n')}
${lines.map(arrow).join('\n')}
${boxes.map(node).join('\n')}
</svg>
`);
