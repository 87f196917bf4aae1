/** How people write their address, country by country. A code's example says its shape: digits, letters, a gap. */
const EXAMPLES: Record<string, string[]> = {
  AT: ['1010'], AU: ['2000'], BE: ['1000'], BG: ['1000'], CA: ['K1A 0B1'], CH: ['8001'], CY: ['1010'], CZ: ['110 00'],
  DE: ['10115'], DK: ['1050'], EE: ['10111'], ES: ['28013'], FI: ['00100'], FO: ['100', 'FO-100'], FR: ['75001'],
  GB: ['SW1A 1AA', 'M1 1AE', 'B33 8TH', 'CR2 6XH', 'DN55 1PT', 'W1A 1HQ'], GR: ['105 57'], HR: ['10000'], HU: ['1011'],
  IS: ['101'], IT: ['00118'], JP: ['100-0001'], LI: ['9490'], LT: ['01100', 'LT-01100'], LU: ['1009', 'L-1009'],
  LV: ['LV-1010', '1010'], MT: ['VLT 1117'], NL: ['1012 AB'], NO: ['0150'], NZ: ['6011'], PL: ['00-001'], PT: ['1000-001'],
  RO: ['010011'], SE: ['111 20'], SI: ['1000'], SK: ['811 01'], US: ['10001', '10001-1234'],
};

/** Eircodes mix letters and digits as no example could tell. */
const EIRCODE = { example: 'D02 AF30', pattern: '\\s*[A-Za-z]\\d[\\dWw]\\s?[A-Za-z\\d]{4}\\s*' };

const CODE_NAMES: Record<string, string> = { US: 'ZIP code', IE: 'Eircode', GB: 'Postcode', AU: 'Postcode', NZ: 'Postcode' };
const CITY_NAMES: Record<string, string> = { US: 'City and state', CA: 'City and province', AU: 'Suburb and state', GB: 'Town or city' };

export interface Postal {
  label: string;
  example?: string;
  pattern?: string;
  inputmode: 'numeric' | 'text';
}

export function postalOf(country: string): Postal {
  const label = CODE_NAMES[country] ?? 'Postal code';
  if (country === 'IE') return { label, inputmode: 'text', ...EIRCODE };
  const examples = EXAMPLES[country];
  if (!examples) return { label, inputmode: 'text' };
  const isNumber = examples.every((example) => /^\d+$/.test(example));
  return { label, example: examples[0], pattern: examples.map(shapeOf).join('|'), inputmode: isNumber ? 'numeric' : 'text' };
}

const shapeOf = (example: string) => {
  const shape = example.replace(/./g, (sign) => (/\d/.test(sign) ? '\\d' : /[A-Z]/.test(sign) ? '[A-Za-z]' : '[ \\-]?'));
  return `\\s*${shape}\\s*`;
};

export const cityLabel = (country: string) => CITY_NAMES[country] ?? 'City';

/** The country of the reader's language, if we deliver there: a guess that saves a choice, and can be changed. */
export function likelyCountry(): string {
  const regions = navigator.languages.map((language) => new Intl.Locale(language).region ?? '');
  return regions.find((region) => region === 'IE' || region in EXAMPLES) ?? '';
}
