import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCsv, writeCsv } from '../src/admin/components/csv';

const CASES: [name: string, text: string, rows: string[][]][] = [
  ['plain cells', 'a,b\n1,2\n', [['a', 'b'], ['1', '2']]],
  ['a byte order mark', '\uFEFFsku\nA', [['sku'], ['A']]],
  ['line ends of Windows', 'a,b\r\n1,2\r\n', [['a', 'b'], ['1', '2']]],
  ['commas, quotes and line breaks in quotes', '"a,b","say ""hi""","two\nlines"', [['a,b', 'say "hi"', 'two\nlines']]],
  ['empty cells', 'a,,c\n,,', [['a', '', 'c'], ['', '', '']]],
  ['empty lines', 'a\n\nb\n', [['a'], ['b']]],
  ['an empty text', '', []],
];
for (const [name, text, rows] of CASES) test(`CSV with ${name}`, () => assert.deepEqual(parseCsv(text), rows));

test('CSV that is written is read as it was', () => {
  const rows = [['a,b', 'say "hi"'], ['two\nlines', 'Mütze']];
  assert.deepEqual(parseCsv(writeCsv(rows)), rows);
});

test('CSV cell that begins like a formula is written as text, a negative number as a number', () => {
  assert.equal(writeCsv([['=1+1', '@a', -5, '+a@b.example']]), "\uFEFF'=1+1,'@a,-5,'+a@b.example\r\n");
});
