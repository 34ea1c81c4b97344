import { describe, expect, test } from 'vitest';
import { readQuery } from '../../../lambdas/push/read-query.ts';
import { OPERATIONS, PUSH_API, routeKeyOf, routeOf } from '../../../shared/config/push-api.ts';
import { SUCCESS_ANSWERS } from '../../../shared/config/push-answers.ts';
import { BODY_SCHEMAS } from '../../../shared/config/push-bodies.ts';

describe('a route of API Gateway', () => {
  test.each(OPERATIONS)('of %s is found by its key, with the source in the path', (id, { path }) => {
    const found = routeOf(routeKeyOf(id), { source: 'orders' });
    expect(found).toMatchObject({ id, sourceName: path.includes('{source}') ? 'orders' : '' });
  });

  test('that is of one source alone names it itself', () => {
    const key = routeKeyOf('postRecords', 'orders');
    expect(key).toBe('POST /v1/sources/orders/records');
    expect(routeOf(key, { source: 'other' })).toMatchObject({ id: 'postRecords', sourceName: 'orders' });
  });

  test.each([
    '$default',
    '',
    'GET /v1/sources/{source}/records',
    'POST /v1/sources/{source}/records/',
    'POST /v1/sources/a/b/records',
    'POST /v1/sources//records',
    'POST /v1/sources/records',
    'GET /v1/health/',
    'POST /v1/webhooks/',
  ])('%j is none of this API', (key) => {
    expect(routeOf(key, { source: 'orders' })).toBeUndefined();
  });

  test('without its parameter has no source', () => {
    expect(routeOf(routeKeyOf('getSchema'))?.sourceName).toBe('');
  });
});

describe('a flag in the query', () => {
  const read = (verbose?: string): boolean | undefined =>
    readQuery(PUSH_API.postRecords, { verbose, other: 'x' })['verbose'];

  test.each([
    [undefined, false],
    ['', true],
    ['true', true],
    ['false', false],
  ])('%j means %s', (text, expected) => {
    expect(read(text)).toBe(expected);
  });

  test.each(['1', 'TRUE', 'yes', 'true,true', ' '])('%j is refused by its name', (text) => {
    expect(() => read(text)).toThrow(/^verbose: must be true or false/);
  });
});

test('every operation has an answer to requests that it serves, and a schema for each of its bodies', () => {
  for (const [id, { contentTypes }] of OPERATIONS) {
    expect(Object.keys(SUCCESS_ANSWERS[id]), id).not.toEqual([]);
    for (const type of Object.keys(contentTypes)) expect(BODY_SCHEMAS).toHaveProperty([type]);
  }
});
