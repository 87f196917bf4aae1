/** The fields of an address in each country that the shop ships to; the shop's API says what each country needs. */
import type { AddressPart, Country } from './api';
import type { Field } from './components/field';
import { once } from './once';

type Asked = Omit<Field, 'value' | 'error'>;

const names = once(() => new Intl.DisplayNames(['en'], { type: 'region' }));

const KINDS: Record<string, string> = {
  do_si: 'Province',
  eircode: 'Eircode',
  pin: 'PIN code',
  post_town: 'Town or city',
  postal: 'Postal code',
  zip: 'ZIP code',
};
/** Where the code is called so, which the data do not know. */
const POSTCODES = ['AU', 'GB', 'NZ'];

const FIXED: Asked[] = [
  { name: 'name', label: 'Full name', autocomplete: 'shipping name', testid: 'checkout-name', maxlength: 100 },
  { name: 'line1', label: 'Street and number', autocomplete: 'shipping address-line1', testid: 'checkout-line1', maxlength: 120 },
  { name: 'line2', label: 'Flat, floor, care of', autocomplete: 'shipping address-line2', optional: true, testid: 'checkout-line2', maxlength: 120 },
];

/** The fields for the country of this code; before one is chosen, those that most countries have. */
export function addressFields(countries: Country[], code: string | undefined): Asked[] {
  const chosen = countries.find(({ country }) => country === code);
  const places = chosen ? chosen.order.map((part) => PLACES[part](chosen)) : [postalCode(), city()];
  return [countryField(countries), ...FIXED, ...places, phone];
}

/** The country of the reader's language, if we deliver there: a guess that saves a choice, and can be changed. */
export function likelyCountry(countries: Country[]): string {
  const regions = navigator.languages.map((language) => new Intl.Locale(language).region ?? '');
  return regions.find((region) => countries.some(({ country }) => country === region)) ?? '';
}

type Options = [value: string, label: string][];

const made = new WeakMap<object, Options>();

/** The options of a list, which are made once: the same array means that nothing has to be rendered. */
function optionsOf<T extends object>(list: T, make: (list: T) => Options): Options {
  if (!made.has(list)) made.set(list, make(list));
  return made.get(list)!;
}

function named(countries: Country[]): Options {
  const { compare } = new Intl.Collator('en');
  return countries.map(({ country }): Options[number] => [country, names().of(country) ?? country]).sort(([, a], [, b]) => compare(a, b));
}

function countryField(countries: Country[]): Asked {
  const options = optionsOf(countries, named);
  return { name: 'country', label: 'Country', autocomplete: 'shipping country', testid: 'checkout-country', options };
}

const phone: Asked = {
  name: 'phone',
  label: 'Phone',
  type: 'tel',
  autocomplete: 'shipping tel',
  inputmode: 'tel',
  optional: true,
  hint: 'For the carrier, should the door stay shut.',
  testid: 'checkout-phone',
  maxlength: 32,
};

const PLACES: Record<Country['order'][number], (chosen: Country) => Asked> = {
  city: ({ city: part }) => city(part),
  region,
  postal_code: postalCode,
};

const labelOf = (kind: string) => KINDS[kind] ?? kind.charAt(0).toUpperCase() + kind.slice(1);

function city(part?: AddressPart | null): Asked {
  return {
    name: 'city',
    label: labelOf(part?.kind ?? 'city'),
    autocomplete: 'shipping address-level2',
    optional: part?.required === false,
    testid: 'checkout-city',
    maxlength: 80,
  };
}

function region({ region: part }: Country): Asked {
  const options = optionsOf(part!.options, (all) => all.map(({ code, name }) => [code, name]));
  return {
    name: 'region',
    label: labelOf(part!.kind),
    autocomplete: 'shipping address-level1',
    optional: !part!.required,
    testid: 'checkout-region',
    ...(options.length ? { options } : { maxlength: 80 }),
  };
}

function postalCode(chosen?: Country): Asked {
  const part = chosen?.postal_code;
  const asked: Asked = {
    name: 'postal_code',
    label: chosen && POSTCODES.includes(chosen.country) ? 'Postcode' : labelOf(part?.kind ?? 'postal'),
    autocomplete: 'shipping postal-code',
    inputmode: 'text',
    optional: part?.required === false,
    testid: 'checkout-postal-code',
    maxlength: 16,
  };
  if (!part?.pattern || !part.examples.length) return asked;
  const [example] = part.examples;
  const isNumber = part.examples.every((each) => /^\d+$/.test(each));
  const pattern = [part.pattern, part.pattern.toLowerCase(), ...part.examples.map(shapeOf)].map((each) => `\\s*(?:${each})\\s*`);
  return { ...asked, example, hint: `For example ${example}`, pattern: pattern.join('|'), inputmode: isNumber ? 'numeric' : 'text' };
}

/** A code with the example's capitals and digits. Separators may be missing or different: the shop corrects them. */
const shapeOf = (example: string) =>
  example.replace(/./g, (sign) => (/\d/.test(sign) ? '\\d' : /[A-Z]/.test(sign) ? '[A-Za-z]' : '[ \\-]?'));
