/**
 * Layout of the system map: columns by kind, from the entry points on the left to the workflows on the right, each part
 * near those it is linked with, and dead-letter queues in a row below.
 */
import type { Link, Part, SystemMap } from '../api';

export interface Place {
  part: Part;
  column: number;
  x: number;
  y: number;
  width: number;
  height: number;
  /** A workflow's functions, drawn inside of it. */
  steps: Part[];
}

export interface Plan {
  places: Place[];
  /** What flows through the system. What else functions read and write is drawn when one of them is chosen. */
  flows: Link[];
  access: Link[];
  width: number;
  height: number;
  /** Where the row of dead-letter queues begins. */
  tray: number;
}

const WIDTHS = [128, 134, 120, 116, 132, 142, 134, 150];
const GAP = { x: 29, y: 10 };
/** The row at the bottom: queues that hold only dead letters. */
const TRAY = -1;
const TRAY_GAP = 46;
const STEP_HEIGHT = 17;
const HEADS = 30;
const SWEEPS = 12;
const ACCESS = ['reads', 'writes', 'invokes', 'gives up'];

const HEIGHTS: Partial<Record<Part['kind'], number>> = { queue: 40, function: 38, workflow: 46, bus: 44, rule: 38, topic: 38 };

export const COLUMNS = ['Entry points', 'Entry functions', 'Data', 'Relay and bus', 'Rules and topics', 'Queues', 'Consumers', 'Workflows'];

export function plan({ parts, links }: SystemMap): Plan {
  const by = new Map(parts.map((part) => [part.id, part]));
  const steps = stepsOf(links, by);
  const inside = new Set([...steps.values()].flat().map(({ id }) => id));
  const linked = new Set(links.flatMap(({ source, target }) => [source, target]));
  const shown = parts.filter(({ id, kind }) => kind !== 'dead_letters' && linked.has(id) && !inside.has(id));
  const flows = links.filter((link) => isFlow(link, by, links) && !inside.has(link.target) && !inside.has(link.source));
  const drawn = shown.map((part) => placed(part, columnOf(part, links, by), steps.get(part.id) ?? []));
  const trays = drawn.filter(({ column }) => column === TRAY).sort((one, other) => inflow(one, flows) - inflow(other, flows));
  settle(drawn.filter(({ column }) => column !== TRAY), flows);
  const tray = Math.max(...drawn.map(({ y, height }) => y + height)) + TRAY_GAP;
  const width = WIDTHS.reduce((sum, each) => sum + each + GAP.x, -GAP.x);
  trays.forEach((place, number) => Object.assign(place, { x: (number * (width - place.width)) / Math.max(1, trays.length - 1), y: tray }));
  return {
    places: drawn,
    flows,
    access: links.filter((link) => !flows.includes(link)),
    width,
    height: Math.max(...drawn.map(({ y, height }) => y + height)) + 8,
    tray,
  };
}

/** It receives from the workflows on the right, so it is below them. */
const inflow = ({ part }: Place, flows: Link[]) => flows.filter(({ target }) => target === part.id).length;

/** Functions that only workflows call. */
function stepsOf(links: Link[], by: Map<string, Part>): Map<string, Part[]> {
  const steps = new Map<string, Part[]>();
  for (const { source, target, verb } of links) {
    const isStep = verb === 'calls' && by.get(source)?.kind === 'workflow' && by.get(target)?.kind === 'function';
    if (isStep) steps.set(source, [...(steps.get(source) ?? []), by.get(target)!]);
  }
  return steps;
}

/** A write is part of the flow if the table feeds others and the function is an entry function. */
function isFlow({ source, target, verb }: Link, by: Map<string, Part>, links: Link[]): boolean {
  if (!ACCESS.includes(verb)) return true;
  const feeds = links.some((link) => link.source === target && link.verb === 'feeds');
  return verb === 'writes' && feeds && by.get(source)?.kind === 'function' && isEntry(source, links);
}

const isEntry = (id: string, links: Link[]) => links.some(({ target, verb }) => target === id && (verb === 'calls' || verb === 'runs'));

const FIXED: Partial<Record<Part['kind'], number>> = {
  site: 0, api: 0, websocket: 0, schedule: 0, table: 2, bucket: 2, bus: 3, rule: 4, topic: 4, queue: 5, workflow: 7,
};

function columnOf(part: Part, links: Link[], by: Map<string, Part>): number {
  if (part.kind === 'queue' && !links.some(({ source }) => source === part.id)) return TRAY;
  const fixed = FIXED[part.kind];
  if (fixed !== undefined) return fixed;
  const feeders = links.filter(({ target, verb }) => target === part.id && verb === 'feeds').map(({ source }) => by.get(source)?.kind);
  if (feeders.includes('table')) return 3;
  return isEntry(part.id, links) ? 1 : 6;
}

function placed(part: Part, column: number, steps: Part[]): Place {
  const x = WIDTHS.slice(0, Math.max(0, column)).reduce((sum, width) => sum + width + GAP.x, 0);
  const height = (HEIGHTS[part.kind] ?? 32) + steps.length * STEP_HEIGHT;
  return { part, column, x, y: 0, width: WIDTHS[column] ?? 150, height, steps };
}

const middle = (places: Place[]) => places.reduce((sum, { y, height }) => sum + y + height / 2, 0) / places.length;

/** Moves each part towards the average of its neighbours, or of its column if it has none, column by column, back and forth. */
function settle(places: Place[], flows: Link[]): void {
  const at = new Map(places.map((place) => [place.part.id, place]));
  const neighbours = (place: Place) =>
    flows.flatMap(({ source, target }) => (source === place.part.id ? [at.get(target)] : target === place.part.id ? [at.get(source)] : [])).filter((each) => each !== undefined);
  const columns = WIDTHS.map((_, column) => places.filter((place) => place.column === column));
  for (const column of columns) stack(column, column.map(() => 0));
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    for (const column of sweep % 2 ? columns : columns.toReversed()) {
      const wished = column.map((place) => {
        const near = neighbours(place);
        return middle(near.length ? near : column) - place.height / 2;
      });
      stack(column, wished);
    }
  }
  const top = Math.min(...places.map(({ y }) => y));
  for (const place of places) place.y += HEADS - top;
}

/** Places parts where they were moved to, without overlaps: overlapping parts move as a group to their average. */
function stack(column: Place[], wished: number[]): void {
  const order = column.map((place, index) => ({ place, wish: wished[index] })).sort((one, other) => one.wish - other.wish);
  const heaps: { members: typeof order; top: number; height: number }[] = [];
  for (const each of order) {
    heaps.push({ members: [each], top: each.wish, height: each.place.height });
    while (heaps.length > 1 && heaps.at(-2)!.top + heaps.at(-2)!.height + GAP.y > heaps.at(-1)!.top) {
      const below = heaps.pop()!;
      const above = heaps.pop()!;
      const members = [...above.members, ...below.members];
      let offset = 0;
      const tops = members.map(({ place, wish }) => {
        const top = wish - offset;
        offset += place.height + GAP.y;
        return top;
      });
      heaps.push({ members, top: tops.reduce((sum, top) => sum + top, 0) / tops.length, height: offset - GAP.y });
    }
  }
  for (const { members, top } of heaps) {
    let y = top;
    for (const { place } of members) {
      place.y = y;
      y += place.height + GAP.y;
    }
  }
}
