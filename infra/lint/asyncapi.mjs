// asyncapi.mjs FILE: parse an AsyncAPI document; print each finding and fail if there is one.
import { readFileSync } from 'node:fs';
import { Parser } from '@asyncapi/parser';

const [file] = process.argv.slice(2);
const { document, diagnostics } = await new Parser().parse(readFileSync(file, 'utf8'));
for (const { code, path, message } of diagnostics) console.log(`${path.join('.')}: ${message} (${code})`);
const isVersion3 = document?.version().startsWith('3.') === true;
if (!isVersion3) console.log(`${file} is not a valid AsyncAPI 3 document.`);
process.exitCode = diagnostics.length || !isVersion3 ? 1 : 0;
