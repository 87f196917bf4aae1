import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allItems, GrowingList, PageTurner } from '../src/pager';

const PAGES: Record<string, { items: string[]; next_cursor: string | null }> = {
  '': { items: ['a', 'b'], next_cursor: '2' },
  2: { items: ['c'], next_cursor: '3' },
  3: { items: ['d'], next_cursor: null },
};
const load = async (cursor: string | null) => PAGES[cursor ?? ''];

test('pages are turned forward and back', () => {
  const turner = new PageTurner();
  assert.deepEqual([turner.cursor, turner.isFirst], [null, true]);
  turner.toNext('2', 2);
  turner.toNext('3', 1);
  assert.deepEqual([turner.cursor, turner.isFirst], ['3', false]);
  turner.toPrevious();
  assert.equal(turner.cursor, '2');
  turner.toPrevious();
  turner.toPrevious();
  assert.deepEqual([turner.cursor, turner.isFirst], [null, true]);
});

test('the first page is reached from any page, and the last has no next one', () => {
  const turner = new PageTurner();
  turner.toNext('2', 2);
  turner.toNext(null, 1);
  assert.equal(turner.cursor, '2');
  turner.toFirst();
  assert.deepEqual([turner.cursor, turner.isFirst], [null, true]);
});

test('a page says which items it shows, and whether more follow', () => {
  const turner = new PageTurner();
  assert.equal(turner.place(3, false), '3 in all');
  assert.equal(turner.place(20, true), '1–20, more follow');
  turner.toNext('2', 20);
  assert.equal(turner.place(20, true), '21–40, more follow');
  turner.toNext('3', 20);
  assert.equal(turner.place(5, false), '41–45 of 45');
  assert.equal(turner.place(0, false), 'None here, 40 in all');
  turner.toPrevious();
  assert.equal(turner.place(20, true), '21–40, more follow');
  turner.toFirst();
  assert.equal(turner.place(20, true), '1–20, more follow');
});

test('a growing list adds pages until there are no more', async () => {
  const list = new GrowingList<string>(() => undefined);
  list.start(PAGES['']);
  assert.deepEqual([list.items, list.hasMore], [['a', 'b'], true]);
  await list.more(load);
  await list.more(load);
  assert.deepEqual([list.items, list.hasMore], [['a', 'b', 'c', 'd'], false]);
  await list.more(() => assert.fail('loaded a page after the last'));
});

test('a growing list loads a page once, however often it is asked', async () => {
  const list = new GrowingList<string>(() => undefined);
  list.start(PAGES['']);
  const loaded: string[] = [];
  const counted = (cursor: string) => (loaded.push(cursor), load(cursor));
  await Promise.all([list.more(counted), list.more(counted)]);
  assert.deepEqual([list.items, loaded], [['a', 'b', 'c'], ['2']]);
});

test('a growing list keeps its items after an error and can try again', async () => {
  const list = new GrowingList<string>(() => undefined);
  list.start(PAGES['']);
  await assert.rejects(list.more(() => Promise.reject(new Error('offline'))), /offline/);
  assert.deepEqual([list.items, list.isLoading], [['a', 'b'], false]);
  await list.more(load);
  assert.deepEqual(list.items, ['a', 'b', 'c']);
});

test('a page of the list before is dropped when another list was started meanwhile', async () => {
  const list = new GrowingList<string>(() => undefined);
  list.start(PAGES['']);
  const loading = list.more(load);
  list.start({ items: ['x'], next_cursor: null });
  await loading;
  assert.deepEqual(list.items, ['x']);
});

test('all items of a list are loaded, page by page', async () => {
  assert.deepEqual(await allItems(load), ['a', 'b', 'c', 'd']);
});
