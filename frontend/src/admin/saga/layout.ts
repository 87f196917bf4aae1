/**
 * Graph layout of a workflow: the forward path runs down, compensations run up beside it, each next to its step, and
 * states in which many others may end are below. A wait that leads back is below and left of its step, an alternative of a
 * choice is beside it. Derived from the definition, for any saga.
 */
import { detoursOf, edgesOf, type Edge, type Machine } from './definition';

export interface Measures {
  node: { width: number; height: number };
  /** Between the rows. */
  gap: number;
  /** Between the lanes; wide enough for the name of an error. */
  lane: number;
}

export interface Box {
  name: string;
  x: number;
  y: number;
  width: number;
  height: number;
  /** How many errors lead here: 0 is the way forward. */
  lane: number;
  /** Waits in the place of the state above it. */
  isAside: boolean;
}

export interface Line {
  edge: Edge;
  points: [number, number][];
  /** Leads to what many states may end in: drawn quietly until it is taken. */
  isRail: boolean;
}

export interface Layout {
  boxes: Box[];
  lines: Line[];
  start: [number, number][];
  ends: { name: string; points: [number, number][] }[];
  width: number;
  height: number;
}

const MARK = 26;
/** Fits between two rows. */
const END_MARK = 16;
/** Between a wait and the way forward that passes it on its right. */
const BESIDE_WAIT = 11;

export function layout(machine: Machine, measures: Measures): Layout {
  const edges = straightened(edgesOf(machine));
  const detours = detoursOf(machine);
  const lanes = lanesOf(machine, edges, detours);
  const rows = rowsOf(machine, edges, lanes, detours);
  const names = [...rows.keys()];
  const { node } = measures;
  const tops = rowTops(rows, node.height + measures.gap);
  const laneWidth = detours.size ? 2 * (node.width + BESIDE_WAIT) : node.width;
  const second = laneWidth + measures.lane;

  const boxes = names.map((name): Box => {
    const lane = lanes.get(name)!;
    const isAside = detours.has(name);
    const x = isAside ? 0 : lane === 0 ? (laneWidth - node.width) / 2 : second;
    return { name, x, y: tops.get(rows.get(name)!)!, ...node, lane, isAside };
  });
  const at = new Map(boxes.map((box) => [box.name, box]));
  const sinks = new Set(names.filter((name) => isSink(name, edges)));
  const hasSecondLane = names.some((name) => lanes.get(name)! > 0);
  const rail = second + node.width + (measures.lane > 60 ? 26 : 12);
  const lines = edges.filter(({ from, to }) => rows.has(from) && rows.has(to)).map((edge) => lineOf(edge, at, sinks, rail));
  const first = at.get(machine.StartAt)!;
  const ended = names.filter((name) => machine.States[name].End || ['Fail', 'Succeed'].includes(machine.States[name].Type));
  return {
    boxes,
    lines,
    start: [[first.x + first.width / 2, first.y - MARK], [first.x + first.width / 2, first.y]],
    ends: ended.map((name) => ({ name, points: endOf(at.get(name)!, goesUp(name, edges, rows)) })),
    width: hasSecondLane ? rail + 8 : laneWidth,
    height: Math.max(...boxes.map(({ y, height }) => y + height)) + MARK + 10,
  };
}

/** Keeps one edge where two have the same ends. */
const straightened = (edges: Edge[]) =>
  edges.filter((edge) => edge.way === 'next' || !edges.some(({ from, to, way }) => way === 'next' && from === edge.from && to === edge.to));

/** Along `Next` a state stays in its lane; each `Catch` leads one lane further, but not to a wait that leads back. */
function lanesOf(machine: Machine, edges: Edge[], detours: Map<string, string>): Map<string, number> {
  const lanes = new Map([[machine.StartAt, 0]]);
  const reachable = Object.keys(machine.States).length;
  for (let round = 0; round < reachable; round++) {
    for (const name of Object.keys(machine.States)) {
      if (name === machine.StartAt) continue;
      const before = detours.get(name);
      if (before !== undefined) {
        if (lanes.has(before)) lanes.set(name, lanes.get(before)!);
        continue;
      }
      const into = edges.filter(({ to, from }) => to === name && lanes.has(from) && !detours.has(from));
      const straight = into.filter(({ way }) => way === 'next');
      const found = straight.length
        ? Math.max(...straight.map(({ from, to }) => lanes.get(from)! + (isAlternative(machine, from, to) ? 1 : 0)))
        : Math.max(...into.map(({ from }) => lanes.get(from)! + 1));
      if (Number.isFinite(found)) lanes.set(name, Math.min(found, 2));
    }
  }
  return lanes;
}

function rowsOf(machine: Machine, edges: Edge[], lanes: Map<string, number>, detours: Map<string, string>): Map<string, number> {
  const rows = new Map<string, number>();
  const next = (name: string) => edges.filter(({ from, way }) => from === name && way === 'next' && !detours.has(name)).map(({ to }) => to);
  const settle = (name: string, row: number) => {
    if ((rows.get(name) ?? -1) >= row || row > 100) return;
    rows.set(name, row);
    for (const to of next(name)) if (lanes.get(to) === lanes.get(name)) settle(to, row + 1);
  };
  settle(machine.StartAt, 0);
  const beside = [...lanes.keys()].filter((name) => lanes.get(name)! > 0 && !isSink(name, edges));
  for (const name of beside) {
    const caught = edges.find(
      ({ to, way, from }) => to === name && lanes.get(from) === 0 && (way === 'catch' || isAlternative(machine, from, to)),
    );
    if (caught) rows.set(name, rows.get(caught.from)!);
  }
  const rest = beside.filter((name) => !rows.has(name));
  const follow = () => {
    for (const _ of rest) {
      for (const name of rest) {
        const before = edges.find(({ to, from, way }) => to === name && way === 'next' && rows.has(from));
        if (!rows.has(name) && before) rows.set(name, rows.get(before.from)! + (goesUp(before.from, edges, rows) ? -1 : 1));
      }
    }
  };
  follow();
  for (const name of [...lanes.keys()].filter((each) => isSink(each, edges))) {
    rows.set(name, Math.max(...rows.values()) + 1);
    follow();
  }
  for (const [name, before] of detours) rows.set(name, rows.get(before)! + 0.5);
  const first = Math.min(...rows.values());
  return new Map([...rows].map(([name, row]) => [name, row - first]));
}

/** Whether a Choice leads there by another way than its first. */
function isAlternative(machine: Machine, from: string, to: string): boolean {
  const { Choices: [first] = [] } = machine.States[from];
  return first !== undefined && first.Next !== to;
}

/** Whether several states end here when they fail permanently. */
const isSink = (name: string, edges: Edge[]) =>
  !edges.some(({ to, way }) => to === name && way === 'next') &&
  new Set(edges.filter(({ to, way }) => to === name && way === 'catch').map(({ from }) => from)).size > 1;

/** Whether the path through this state leads up, as compensations do. */
function goesUp(name: string, edges: Edge[], rows: Map<string, number>): boolean {
  const before = edges.find(({ to, from, way }) => to === name && way === 'next' && rows.has(from));
  return before !== undefined && rows.get(before.from)! > rows.get(name)!;
}

function rowTops(rows: Map<string, number>, distance: number): Map<number, number> {
  const used = [...new Set(rows.values())].sort((one, other) => one - other);
  return new Map(used.map((row, place) => [row, MARK + 8 + place * distance]));
}

function lineOf(edge: Edge, at: Map<string, Box>, sinks: Set<string>, rail: number): Line {
  const from = at.get(edge.from)!;
  const to = at.get(edge.to)!;
  const middle = (box: Box) => box.x + box.width / 2;
  const side = (box: Box) => box.y + box.height / 2;
  const isRail = edge.way === 'catch' && sinks.has(edge.to);
  if (to.isAside) return { edge, isRail, points: [[from.x, side(from)], [middle(to), side(from)], [middle(to), to.y]] };
  if (from.isAside) return { edge, isRail, points: fromAside(from, to) };
  if (isRail && from.lane > 0) {
    return { edge, isRail, points: [[from.x + from.width, side(from)], [rail, side(from)], [rail, side(to)], [to.x + to.width, side(to)]] };
  }
  if (isRail) {
    const between = (from.x + from.width + to.x) / 2;
    return { edge, isRail, points: [[from.x + from.width, side(from)], [between, side(from)], [between, side(to)], [to.x, side(to)]] };
  }
  if (from.lane < to.lane && (edge.way === 'catch' || from.y === to.y)) {
    return { edge, isRail, points: [[from.x + from.width, side(from)], [to.x, side(from)]] };
  }
  if (from.lane < to.lane) {
    return { edge, isRail, points: [[middle(from), from.y + from.height], [middle(from), side(to)], [to.x, side(to)]] };
  }
  const isUp = to.y < from.y;
  return { edge, isRail, points: [[middle(from), isUp ? from.y : from.y + from.height], [middle(to), isUp ? to.y + to.height : to.y]] };
}

/** Returns a line back to the state that waits, or below it to the state after an aborted wait. */
function fromAside(from: Box, to: Box): [number, number][] {
  const right = from.x + from.width;
  if (to.lane === from.lane) {
    const x = (right + to.x + to.width / 2) / 2;
    return [[right, from.y + from.height * 0.3], [x, from.y + from.height * 0.3], [x, to.y + to.height]];
  }
  const y = from.y + from.height * 0.75;
  return [[right, y], [to.x - 11, y], [to.x - 11, to.y + to.height * 0.75], [to.x, to.y + to.height * 0.75]];
}

function endOf(box: Box, isUp: boolean): [number, number][] {
  const x = box.x + box.width / 2;
  return isUp ? [[x, box.y], [x, box.y - END_MARK]] : [[x, box.y + box.height], [x, box.y + box.height + END_MARK]];
}
