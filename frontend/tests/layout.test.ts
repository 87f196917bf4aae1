import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Machine } from '../src/admin/saga/definition';
import { layout, type Box } from '../src/admin/saga/layout';

const MEASURES = { node: { width: 100, height: 40 }, gap: 30, lane: 80 };
const step = (Next: string, undo: string) => ({ Type: 'Task', Next, Catch: [{ ErrorEquals: ['States.ALL'], Next: undo }] });

/** A saga of two steps: what fails runs its undo, back to the end of a cancelled order. */
const SAGA = {
  StartAt: 'Reserve',
  States: {
    Reserve: step('Pay', 'Release'),
    Pay: step('Done', 'Void'),
    Done: { Type: 'Succeed', End: true },
    Void: { Type: 'Task', Next: 'Release' },
    Release: { Type: 'Task', Next: 'Cancelled' },
    Cancelled: { Type: 'Fail' },
  },
} as unknown as Machine;

const drawn = layout(SAGA, MEASURES);
const box = (name: string): Box => drawn.boxes.find((each) => each.name === name)!;

function assertApart(boxes: Box[]): void {
  for (const one of boxes) {
    for (const other of boxes) {
      const isApart = one.x + one.width <= other.x || other.x + other.width <= one.x || one.y + one.height <= other.y || other.y + other.height <= one.y;
      assert.ok(one === other || isApart, `${one.name} overlaps ${other.name}`);
    }
  }
}

test('every state has one box, and no two boxes overlap', () => {
  assert.deepEqual(drawn.boxes.map(({ name }) => name).sort(), Object.keys(SAGA.States).sort());
  assertApart(drawn.boxes);
});

for (const workflow of ['order_fulfilment', 'order_undo', 'order_return']) {
  test(`no two boxes of ${workflow} overlap`, () => {
    const definition = readFileSync(`../docs/workflows/${workflow}.json`, 'utf8');
    assertApart(layout(JSON.parse(definition) as Machine, MEASURES).boxes);
  });
}

test('the second way of a choice stands beside it', () => {
  const choice = { Type: 'Choice', Choices: [{ Next: 'Pay' }], Default: 'Nothing' };
  const States = { Ask: choice, Nothing: { Type: 'Succeed' }, ...SAGA.States };
  const { boxes } = layout({ StartAt: 'Ask', States } as unknown as Machine, MEASURES);
  const at = new Map(boxes.map((each) => [each.name, each]));
  assert.ok(at.get('Nothing')!.lane === 1 && at.get('Nothing')!.y === at.get('Ask')!.y);
  assert.equal(at.get('Pay')!.lane, 0);
});

test('the way forward runs down in one lane', () => {
  assert.deepEqual(['Reserve', 'Pay', 'Done'].map((name) => box(name).lane), [0, 0, 0]);
  assert.ok(box('Reserve').y < box('Pay').y && box('Pay').y < box('Done').y);
});

test('compensations stand in a lane to the right', () => {
  assert.ok(['Void', 'Release'].every((name) => box(name).lane === 1 && box(name).x > box('Pay').x + box('Pay').width));
});

test('every transition has a line, and the picture contains all boxes', () => {
  const lines = drawn.lines.map(({ edge }) => `${edge.from}>${edge.to}`).sort();
  assert.deepEqual(lines, ['Pay>Done', 'Pay>Void', 'Release>Cancelled', 'Reserve>Pay', 'Reserve>Release', 'Void>Release']);
  assert.ok(drawn.boxes.every(({ x, y, width, height }) => x >= 0 && x + width <= drawn.width && y + height <= drawn.height));
});

test('a wait that leads back stands aside, and the way forward passes it', () => {
  const pay = { ...step('Done', 'Void'), Catch: [{ ErrorEquals: ['Unconfirmed'], Next: 'Wait' }, { ErrorEquals: ['States.ALL'], Next: 'Void' }] };
  const waiting = layout({ ...SAGA, States: { ...SAGA.States, Pay: pay, Wait: { Type: 'Task', Next: 'Pay' } } } as Machine, MEASURES);
  const wait = waiting.boxes.find(({ name }) => name === 'Wait')!;
  const [down] = waiting.lines.filter(({ edge }) => edge.from === 'Pay' && edge.to === 'Done');
  assert.ok(wait.isAside && down.points.every(([x]) => x > wait.x + wait.width));
});
