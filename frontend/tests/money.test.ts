import assert from 'node:assert/strict';
import { test } from 'node:test';
import { amountPattern, decimalText, formatMoney, minorUnits } from '../src/money';

const CASES: [amount: number, currency: string, text: string][] = [
  [1250, 'EUR', '12.50'],
  [5, 'EUR', '0.05'],
  [-5, 'EUR', '-0.05'],
  [0, 'EUR', '0.00'],
  [1250, 'JPY', '1250'],
  [0, 'JPY', '0'],
  [1250, 'KWD', '1.250'],
  [5, 'KWD', '0.005'],
  [-1250, 'KWD', '-1.250'],
];
for (const [amount, currency, text] of CASES) {
  test(`${amount} minor units of ${currency} are ${text}`, () => assert.equal(decimalText(amount, currency), text));
}

const SHOWN: [amount: number, currency: string, text: string][] = [
  [1250, 'EUR', '€12.50'],
  [1250, 'JPY', '¥1,250'],
  [1250, 'KWD', 'KWD 1.250'],
  // Browsers show these without decimals, but the shop counts hundredths and thousandths.
  [1250, 'RSD', 'RSD 12.50'],
  [1250, 'IQD', 'IQD 1.250'],
  [9007199254740991, 'EUR', '€90,071,992,547,409.91'],
];
for (const [amount, currency, text] of SHOWN) {
  test(`${amount} minor units of ${currency} are shown as ${text}`, () => {
    assert.equal(formatMoney({ amount, currency }, 'en-US').replace(/\u00a0/g, ' '), text);
  });
}

const TYPED: [text: string, currency: string, amount: number][] = [
  ['12.50', 'EUR', 1250],
  ['12,5', 'EUR', 1250],
  ['12', 'EUR', 1200],
  ['0.29', 'EUR', 29],
  ['1.005', 'EUR', NaN],
  ['1250', 'JPY', 1250],
  ['12.50', 'JPY', NaN],
  ['1.005', 'KWD', 1005],
  ['1.5', 'KWD', 1500],
  ['12.', 'EUR', NaN],
  ['-1', 'EUR', NaN],
  ['1e3', 'EUR', NaN],
  ['', 'EUR', NaN],
];
for (const [text, currency, amount] of TYPED) {
  test(`${text || 'nothing'} typed as ${currency} is ${amount}`, () => assert.equal(minorUnits(text, currency), amount));
}

test('a field for yen takes no decimal places', () => {
  assert.doesNotMatch('12.50', new RegExp(`^${amountPattern('JPY')}$`));
  assert.match('12.50', new RegExp(`^${amountPattern('EUR')}$`));
  assert.match('12,500', new RegExp(`^${amountPattern('KWD')}$`));
});
