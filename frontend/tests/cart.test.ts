import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

const line = (quantity: number) => ({ lines: [{ sku: 'MUG', quantity }], adjustments: [] });
const tokenOf = (email: string) => `x.${btoa(JSON.stringify({ email, exp: 4_000_000_000 }))}.x`;
const kept = new Map<string, string>();
const storage = { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => kept.set(key, value), removeItem: (key: string) => kept.delete(key) };

Object.assign(globalThis, {
  BroadcastChannel: class {
    addEventListener() {}
    postMessage() {}
  },
  addEventListener: () => undefined,
  localStorage: storage,
  sessionStorage: storage,
  location: { pathname: '/' },
  document: { cookie: '' },
  fetch: (url: string, { method, body }: RequestInit = {}) =>
    url === '/config.json' ? Promise.resolve(Response.json({ api: '' })) : new Promise((answer) => asked.push({ call: `${method} ${url}`, body, answer })),
});
const asked: { call: string; body: unknown; answer: (response: Response) => void }[] = [];
const settle = () => new Promise((resume) => setTimeout(resume, 5));
const { addToCart, cart, loadCart, quantityOf } = await import('../src/cart');
const { adoptSession, leave } = await import('../src/auth');

/** The oldest request that has no answer gets this one. */
async function answer(body: unknown): Promise<string> {
  await settle();
  const request = asked.shift()!;
  request.answer(Response.json(body));
  await settle();
  return `${request.call} ${request.body ?? ''}`.trim();
}

beforeEach(async () => {
  leave();
  kept.clear();
  kept.set('saga.cart-token', '"guest"');
  await settle();
  void loadCart();
  while (asked.length) await answer(line(0));
});

test('items that are added before the cart has arrived are added to what is in it', async () => {
  const loaded = loadCart();
  const added = addToCart('MUG', 1);
  assert.equal(await answer(line(3)), 'GET /cart');
  assert.equal(quantityOf('MUG'), 0);
  assert.equal(await answer(line(4)), 'PUT /cart/items/MUG {"quantity":4}');
  await Promise.all([loaded, added]);
  assert.equal(quantityOf('MUG'), 4);
});

test('two quick clicks add two', async () => {
  const added = [addToCart('MUG', 1), addToCart('MUG', 1)];
  assert.match(await answer(line(1)), /"quantity":1/);
  assert.match(await answer(line(2)), /"quantity":2/);
  assert.deepEqual(await Promise.all(added), [true, true]);
});

test('the cart of a person who has left is not shown to the next one', async () => {
  adoptSession({ id_token: tokenOf('ada@example.com') });
  assert.equal(await answer({ ...line(0), not_taken_over: [] }), 'POST /cart/claim');
  kept.set('saga.cart-token', '"guest"');
  void loadCart();
  await settle();
  leave();
  assert.equal(await answer(line(7)), 'GET /cart');
  assert.equal(cart.value, null);
  const added = addToCart('MUG', 1);
  assert.equal(await answer(line(2)), 'GET /cart');
  assert.equal(await answer(line(3)), 'PUT /cart/items/MUG {"quantity":3}');
  await added;
  assert.equal(quantityOf('MUG'), 3);
});
