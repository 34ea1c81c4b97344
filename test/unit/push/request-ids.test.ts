import type { Context } from 'aws-lambda';
import { describe, expect, test } from 'vitest';
import { isTraced, requestIdsOf } from '../../../lambdas/push/request-ids.ts';
import type { HttpEvent } from '../../../lambdas/push/http.ts';
import { toWriteKey } from '../../../shared/domain/write-key.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';
const eventOf = (headers: HttpEvent['headers'], requestId?: string): HttpEvent =>
  ({ headers, requestContext: { requestId } }) as unknown as HttpEvent;
const idsOf = (headers: HttpEvent['headers']): object =>
  requestIdsOf(eventOf(headers, 'JKJaXmPLvHcESHA='), { awsRequestId: 'invocation' } as Context);

describe('the ids of a request', () => {
  test('are that of the API, the trace and the id of its sender', () => {
    expect(idsOf({ traceparent: `00-${TRACE}-${PARENT}-01`, 'x-request-id': 'order-4711' })).toEqual({
      requestId: 'JKJaXmPLvHcESHA=',
      traceId: TRACE,
      senderRequestId: 'order-4711',
    });
  });

  test('are that of the invocation where the API gives none', () => {
    expect(requestIdsOf(eventOf({}), { awsRequestId: 'invocation' } as Context)).toEqual({
      requestId: 'invocation',
    });
  });

  test.each([
    ['', 'empty'],
    [`00-${TRACE}-${PARENT}`, 'without flags'],
    [`00-${TRACE.toUpperCase()}-${PARENT}-01`, 'in capitals'],
    [`00-${'0'.repeat(32)}-${PARENT}-01`, 'without a trace'],
    [`00-${TRACE}-${'0'.repeat(16)}-01`, 'without a parent'],
    [`ff-${TRACE}-${PARENT}-01`, 'of a version that is forbidden'],
    [`00-${TRACE}-${PARENT}-01-more`, 'with more than version 00 has'],
    [` 00-${TRACE}-${PARENT}-01`, 'with a space'],
  ])('leave out a traceparent %j: %s', (traceparent) => {
    expect(idsOf({ traceparent })).toEqual({ requestId: 'JKJaXmPLvHcESHA=' });
    expect(isTraced(eventOf({ traceparent }))).toBe(false);
  });

  test('take a traceparent of a later version, which may have more', () => {
    expect(idsOf({ traceparent: `01-${TRACE}-${PARENT}-01-more` })).toMatchObject({ traceId: TRACE });
  });

  test.each([
    'with space',
    'x'.repeat(65),
    '-dash',
    'a.b.c',
    'line\nbreak',
    '"quoted"',
    toWriteKey('o', new Uint8Array(32)),
  ])('leave out what is not written like an id: %j', (id) => {
    expect(idsOf({ 'x-request-id': id })).toEqual({ requestId: 'JKJaXmPLvHcESHA=' });
  });
});

test('a sender asks for a trace with the flag "sampled", whatever other flags are set', () => {
  const flagged = (flags: string): boolean =>
    isTraced(eventOf({ traceparent: `00-${TRACE}-${PARENT}-${flags}` }));
  expect([flagged('01'), flagged('03'), flagged('00'), flagged('02'), isTraced(eventOf({}))]).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
});
