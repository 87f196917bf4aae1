import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { follow } from '../src/follow';
import type { UpdateSource } from '../src/poll';

class Page extends EventTarget {
  hidden = false;

  show(): void {
    this.hidden = false;
    this.dispatchEvent(new Event('visibilitychange'));
  }
}

class Updates extends EventTarget implements UpdateSource {
  isLive = false;
  opened = 0;
  closed = 0;
  open = () => void this.opened++;
  close = () => void this.closed++;

  announce(isLive = true): void {
    this.isLive = isLive;
    this.dispatchEvent(new Event('update'));
  }
}

const page = new Page();
const settle = () => new Promise((resume) => setImmediate(resume));
let stop: AbortController;

beforeEach(() => {
  Object.assign(globalThis, { document: page });
  page.hidden = false;
  stop = new AbortController();
  mock.timers.enable({ apis: ['setTimeout'] });
});
afterEach(() => {
  stop.abort();
  mock.timers.reset();
});

/** Follows `values` in the background; `seen` grows with what was seen, errors as their messages. */
function watch(values: (string | Error)[], updates = new Updates()) {
  const seen: string[] = [];
  const read = async () => {
    const value = values.shift() ?? 'done';
    if (value instanceof Error) throw value;
    return value;
  };
  const finished = (async () => {
    for await (const each of follow(read, (value) => value === 'done', stop.signal, updates)) {
      seen.push('value' in each ? each.value : (each.error as Error).message);
    }
  })();
  return { seen, updates, finished };
}

async function after(milliseconds: number): Promise<void> {
  mock.timers.tick(milliseconds);
  await settle();
}

test('follow reads every second and ends when the value has settled', async () => {
  const { seen, updates, finished } = watch(['placed', 'shipping']);
  await settle();
  assert.deepEqual(seen, ['placed']);
  await after(999);
  assert.deepEqual(seen, ['placed']);
  await after(1);
  assert.deepEqual(seen, ['placed', 'shipping']);
  await after(1_000);
  await finished;
  assert.deepEqual(seen, ['placed', 'shipping', 'done']);
  assert.equal(updates.closed, 1);
});

test('follow waits longer after each error', async () => {
  const { seen } = watch([new Error('one'), new Error('two'), 'placed']);
  await settle();
  await after(2_000);
  assert.deepEqual(seen, ['one', 'two']);
  await after(3_999);
  assert.deepEqual(seen, ['one', 'two']);
  await after(1);
  assert.deepEqual(seen, ['one', 'two', 'placed']);
});

test('follow reads at once when there is an update, and rarely while updates arrive', async () => {
  const { seen, updates } = watch(['placed', 'reserved', 'shipping']);
  await settle();
  updates.announce();
  await settle();
  assert.deepEqual(seen, ['placed', 'reserved']);
  await after(29_999);
  assert.deepEqual(seen, ['placed', 'reserved']);
  await after(1);
  assert.deepEqual(seen, ['placed', 'reserved', 'shipping']);
});

test('follow does not read while the page is hidden', async () => {
  page.hidden = true;
  const { seen } = watch(['placed']);
  await settle();
  assert.deepEqual(seen, []);
  page.show();
  await settle();
  assert.deepEqual(seen, ['placed']);
});

test('follow ends when it is aborted', async () => {
  const { seen, updates, finished } = watch(['placed', 'shipping']);
  await settle();
  stop.abort();
  await finished;
  assert.deepEqual(seen, ['placed']);
  assert.equal(updates.closed, 1);
});
