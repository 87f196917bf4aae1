import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FAULTS, plan, type Order, type Shares } from '../src/admin/batch-plan';

const NONE: Shares = { declined: 0, throttled: 0, faulty: 0, refused: 0, silent: 0, cancelled: 0, doubled: 0 };
const batch = (shares: Partial<Shares>, orders = 40): Order => ({ orders, atOnce: 4, shares: { ...NONE, ...shares }, faults: FAULTS });
const count = <T>(some: T[], matches: (each: T) => boolean) => some.filter(matches).length;

test('a plan without shares has only orders that succeed', () => {
  const planned = plan(batch({}), ['A', 'B']);
  assert.equal(planned.length, 40);
  assert.ok(planned.every(({ wish, changesTheirMind, clicksTwice }) => wish.card === 'pm_card_visa' && wish.line2 === null && !changesTheirMind && !clicksTwice));
  assert.ok(planned.every(({ wish }) => ['A', 'B'].includes(wish.sku)));
});

test('each share has exactly its number of orders', () => {
  const planned = plan(batch({ declined: 25, throttled: 10, faulty: 15, refused: 20, silent: 5, cancelled: 30, doubled: 50 }), ['A']);
  const throttled = (card: string) => /_rateLimited$/.test(card);
  assert.equal(count(planned, ({ wish }) => wish.card === 'pm_card_visa_chargeDeclined'), 10);
  assert.equal(count(planned, ({ wish }) => throttled(wish.card)), 4);
  assert.equal(count(planned, ({ wish }) => wish.card.startsWith('pm_card_fault_') && !throttled(wish.card)), 6);
  assert.equal(count(planned, ({ wish }) => wish.line2 === 'sandbox:refuse'), 8);
  assert.equal(count(planned, ({ wish }) => wish.line2 === 'sandbox:silent'), 2);
  assert.equal(count(planned, ({ changesTheirMind }) => changesTheirMind), 12);
  assert.equal(count(planned, ({ clicksTwice }) => clicksTwice), 20);
});

test('shares of more than all orders leave fewer to the later ones', () => {
  const planned = plan(batch({ declined: 80, faulty: 80 }, 10), ['A']);
  assert.equal(count(planned, ({ wish }) => wish.card === 'pm_card_visa_chargeDeclined'), 8);
  assert.equal(count(planned, ({ wish }) => wish.card.startsWith('pm_card_fault_')), 2);
});
