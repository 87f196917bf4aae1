import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { answered, isRepeatable } from '../src/retry';

const settle = () => new Promise((resume) => setImmediate(resume));
const ok = () => new Response('{}');
const failed = (status: number, headers: Record<string, string> = {}) => new Response('{"message": "Internal server error"}', { status, headers });

beforeEach(() => {
  mock.timers.enable({ apis: ['setTimeout'] });
  mock.method(Math, 'random', () => 0);
});
afterEach(() => {
  mock.timers.reset();
  mock.restoreAll();
});

/** The status that a request ends with, and how often it was sent, if these answers come and `pauses` pass. */
async function sent(answers: Response[], repeatable: boolean, pauses: number[]): Promise<[number, number]> {
  let count = 0;
  const end = answered(async () => answers[count++], repeatable, new AbortController().signal);
  for (const pause of pauses) {
    await settle();
    mock.timers.tick(pause);
  }
  await settle();
  return [await Promise.race([end.then(({ status }) => status), settle().then(() => 0)]), count];
}

for (const [status, headers] of [
  [500, { 'Content-Type': 'application/json' }],
  [502, {}],
  [503, { 'Content-Type': 'application/problem+json' }],
  [504, {}],
  [429, { 'Retry-After': '0' }],
] as [number, Record<string, string>][])
  test(`a repeatable request that met ${status} is sent again after growing pauses`, async () => {
    const answers = [failed(status, headers), failed(status, headers), ok()];
    assert.deepEqual(await sent([...answers], true, [399]), [0, 1]);
    assert.deepEqual(await sent([...answers], true, [400, 1_199]), [0, 2]);
    assert.deepEqual(await sent([...answers], true, [400, 1_200]), [200, 3]);
  });

test('a busy API is asked three times, then its answer counts', async () => {
  assert.deepEqual(await sent([failed(503), failed(503), failed(503), ok()], true, [400, 1_200, 9_999]), [503, 3]);
});

test('Retry-After lengthens a pause', async () => {
  const answers = [failed(503, { 'Retry-After': '2' }), ok()];
  assert.deepEqual(await sent([...answers], true, [1_999]), [0, 1]);
  assert.deepEqual(await sent([...answers], true, [2_000]), [200, 2]);
});

for (const [why, answer] of [
  ['a long Retry-After', failed(503, { 'Retry-After': '60' })],
  ['an unreadable Retry-After', failed(503, { 'Retry-After': 'Sun, 29 Nov 2026 00:00:00 GMT' })],
  ['a limit of the shop', failed(429)],
  ["an error of the function's own", failed(500, { 'Content-Type': 'application/problem+json' })],
  ['a refusal', failed(404)],
] as [string, Response][])
  test(`${why} ends a request at once`, async () => {
    assert.deepEqual(await sent([answer, ok()], true, [9_999]), [answer.status, 1]);
  });

test('a request that might have an effect twice is sent once', async () => {
  assert.deepEqual(await sent([failed(503), ok()], false, [9_999]), [503, 1]);
});

test('a request that is no longer wanted is not sent again', async () => {
  const leaving = new AbortController();
  let count = 0;
  const end = answered(async () => (count++, failed(503)), true, leaving.signal);
  await settle();
  leaving.abort();
  await assert.rejects(end);
  assert.equal(count, 1);
});

test('reads and requests with a key are repeatable', () => {
  assert.ok(isRepeatable('GET', {}) && isRepeatable('POST', { 'Idempotency-Key': 'k' }));
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) assert.ok(!isRepeatable(method, {}));
});
