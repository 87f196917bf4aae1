import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import type { ReactiveControllerHost } from 'lit';
import { Poll } from '../src/admin/poll-controller';

const host = { addController: () => undefined, requestUpdate: () => undefined } as unknown as ReactiveControllerHost;
const settle = () => new Promise((resume) => setImmediate(resume));
let poll: Poll | undefined;

beforeEach(() => {
  Object.assign(globalThis, { document: { hidden: false } });
  mock.timers.enable({ apis: ['setTimeout'] });
});
afterEach(() => {
  poll?.hostDisconnected();
  mock.timers.reset();
});

/** A connected controller whose reads end with `outcomes`, and the number of its reads. */
async function connected(outcomes: (Error | null)[], pause: () => number | null = () => 2_000) {
  const reads = { count: 0 };
  poll = new Poll(host, async () => {
    const outcome = outcomes[reads.count++] ?? null;
    if (outcome) throw outcome;
  }, pause);
  poll.hostConnected();
  await settle();
  return { poll, reads };
}

async function after(milliseconds: number): Promise<void> {
  mock.timers.tick(milliseconds);
  await settle();
}

test('a poll reads once per pause while it is connected', async () => {
  const { poll, reads } = await connected([]);
  assert.deepEqual([reads.count, poll.state], [1, 'live']);
  await after(1_999);
  assert.equal(reads.count, 1);
  await after(1);
  assert.equal(reads.count, 2);
  poll.hostDisconnected();
  await after(60_000);
  assert.equal(reads.count, 2);
});

test('a poll doubles its pause after each error and is live again after a success', async () => {
  const { poll, reads } = await connected([new Error('one'), new Error('two')]);
  assert.deepEqual([poll.state, (poll.error as Error).message], ['lost', 'one']);
  await after(4_000);
  assert.deepEqual([reads.count, (poll.error as Error).message], [2, 'two']);
  await after(7_999);
  assert.equal(reads.count, 2);
  await after(1);
  assert.deepEqual([reads.count, poll.state, poll.error], [3, 'live', null]);
});

test('a poll never waits longer than 15 seconds', async () => {
  const { reads } = await connected(Array.from({ length: 9 }, () => new Error('down')));
  for (let round = 0; round < 8; round++) await after(15_000);
  assert.equal(reads.count, 9);
});

test('a poll without a pause is done after its first success', async () => {
  const { poll, reads } = await connected([new Error('one')], () => null);
  assert.equal(poll.state, 'lost');
  await after(2_000);
  assert.deepEqual([reads.count, poll.state], [2, 'done']);
  await after(60_000);
  assert.equal(reads.count, 2);
});

test('a poll that is asked again reads at once, and only once per pause from then on', async () => {
  const { poll, reads } = await connected([]);
  poll.again();
  await settle();
  assert.equal(reads.count, 2);
  await after(2_000);
  assert.equal(reads.count, 3);
});
