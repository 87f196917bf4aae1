const CODES =
  'AT BE BG CH CY CZ DE DK EE ES FI FO FR GB GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK US CA AU NZ JP'.split(' ');

const names = new Intl.DisplayNames(['en'], { type: 'region' });

/** Where we deliver: ISO 3166 code and name, by name. */
export const countries = CODES.map((code): [string, string] => [code, names.of(code) ?? code]).sort(([, a], [, b]) =>
  a.localeCompare(b),
);
