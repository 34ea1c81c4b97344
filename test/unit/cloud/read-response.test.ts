import { expect, test } from 'vitest';
import { readResponse } from '../../../cloud/event-source-poller/read-response.ts';

const numbers = ['101', '102', '103'];

test.each([
  ['an empty list', { batchItemFailures: [] }],
  ['a null list', { batchItemFailures: null }],
  ['an empty response', {}],
  ['a null response', null],
  ['no response', undefined],
  ['a response that is no object', 'ok'],
])('%s is a success', (_, payload) => {
  expect(readResponse(payload, numbers)).toEqual({ kind: 'success' });
});

test.each([
  ['an empty item identifier', { batchItemFailures: [{ itemIdentifier: '' }] }],
  ['a null item identifier', { batchItemFailures: [{ itemIdentifier: null }] }],
  ['an item with another key', { batchItemFailures: [{ sequenceNumber: '101' }] }],
  ['an item that is no object', { batchItemFailures: ['101'] }],
  ['a number that is not in the batch', { batchItemFailures: [{ itemIdentifier: '999' }] }],
  [
    'one bad item among good ones',
    { batchItemFailures: [{ itemIdentifier: '102' }, { itemIdentifier: '' }] },
  ],
  ['a list that is none', { batchItemFailures: { itemIdentifier: '101' } }],
])('%s fails the batch', (_, payload) => {
  expect(readResponse(payload, numbers)).toEqual({ kind: 'failure' });
});

test('the lowest failed number is the checkpoint, in whatever order they are listed', () => {
  const payload = { batchItemFailures: [{ itemIdentifier: '103' }, { itemIdentifier: '102' }] };
  expect(readResponse(payload, numbers)).toEqual({ kind: 'checkpoint', index: 1 });
});
