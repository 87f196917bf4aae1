/** Loads a CloudFront function as the edge does: a script that defines `handler`, strict, and with nothing of Node around it. */
import { readFileSync } from 'node:fs';
import { createContext, runInContext } from 'node:vm';

export function load(name, surroundings = {}) {
  const code = readFileSync(new URL(`../../infra/edge/${name}.js`, import.meta.url), 'utf8');
  const context = createContext(surroundings);
  runInContext(`"use strict";${code}`, context);
  // The response must survive serialization as JSON, which CloudFront applies between edge and function.
  return (event) => JSON.parse(JSON.stringify(context.handler(JSON.parse(JSON.stringify(event)))));
}

const fields = (values) =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      Array.isArray(value) ? { value: value[0], multiValue: value.map((each) => ({ value: each })) } : { value },
    ]),
  );

export function request(uri, { query = {}, headers = {}, cookies = {} } = {}) {
  return {
    version: '1.0',
    context: {
      distributionDomainName: 'd111111abcdef8.cloudfront.net',
      distributionId: 'EDFDVBD6EXAMPLE',
      eventType: 'viewer-request',
      requestId: 'EXAMPLEntjQpEXAMPLE_SG5Z-EXAMPLEPmPfEXAMPLEu3EqEXAMPLE==',
    },
    viewer: { ip: '198.51.100.11' },
    request: {
      method: 'GET',
      uri,
      querystring: fields(query),
      headers: fields({ host: 'd111111abcdef8.cloudfront.net', ...headers }),
      cookies: fields(cookies),
    },
  };
}

export function response(type, asked = {}, uri = '/') {
  const event = request(uri, asked);
  event.context.eventType = 'viewer-response';
  event.response = {
    statusCode: 200,
    statusDescription: 'OK',
    headers: type ? fields({ 'content-type': type }) : {},
    cookies: {},
  };
  return event;
}
