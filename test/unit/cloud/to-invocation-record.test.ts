import { expect, test } from 'vitest';
import { toEvent } from '../../../cloud/event-source-poller/to-event.ts';
import { toFailureKey, toInvocationRecord } from '../../../cloud/event-source-poller/to-invocation-record.ts';
import { streamMapping } from './stream-mapping-fixture.ts';

const records = ['7', '8'].map((sequenceNumber, index) => ({
  sequenceNumber,
  partitionKey: 'k',
  data: Buffer.from(sequenceNumber),
  arrivedAtMs: Date.UTC(2026, 0, 2, 3, 4, 5, index),
}));
const batch = {
  shardId: 'shardId-000000000001',
  records,
  condition: 'RetryAttemptsExhausted' as const,
  invocations: 3,
  outcome: { kind: 'function-error', functionError: 'Unhandled' } as const,
  atMs: Date.UTC(2026, 0, 2, 3, 4, 6),
};

test('the record of a discarded batch has the documented fields and the whole event', () => {
  const mapping = streamMapping({});
  const record = toInvocationRecord(mapping, batch);
  expect(record).toMatchObject({
    requestContext: {
      functionArn: mapping.functionArn,
      condition: 'RetryAttemptsExhausted',
      approximateInvokeCount: 3,
    },
    responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
    version: '1.0',
    timestamp: '2026-01-02T03:04:06.000Z',
    KinesisBatchInfo: {
      shardId: 'shardId-000000000001',
      startSequenceNumber: '7',
      endSequenceNumber: '8',
      approximateArrivalOfFirstRecord: '2026-01-02T03:04:05.000Z',
      approximateArrivalOfLastRecord: '2026-01-02T03:04:05.001Z',
      batchSize: 2,
      streamArn: mapping.streamArn,
    },
  });
  expect(JSON.parse(record.payload)).toEqual(toEvent(mapping, batch.shardId, records));
});

test('a batch that was given up for a partial answer has no function error', () => {
  const outcome = { kind: 'answered', payload: {} } as const;
  expect(toInvocationRecord(streamMapping({}), { ...batch, outcome }).responseContext).not.toHaveProperty(
    'functionError',
  );
});

test('the object key tells mapping, shard and time', () => {
  const key = toFailureKey({ mappingUuid: 'u', shardId: batch.shardId, atMs: batch.atMs });
  expect(key).toMatch(
    /^aws\/lambda\/u\/shardId-000000000001\/2026\/01\/02\/2026-01-02T03\.04\.06-[0-9a-f-]{36}$/,
  );
});
