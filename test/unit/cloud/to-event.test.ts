import { expect, test } from 'vitest';
import { countFitting, MAX_PAYLOAD_BYTES, toEvent } from '../../../cloud/event-source-poller/to-event.ts';
import type { StreamRecord } from '../../../cloud/event-source-poller/ports.ts';
import { streamMapping } from './stream-mapping-fixture.ts';

const record = (bytes: number): StreamRecord => ({
  sequenceNumber: '49590338271490256608559692538361571095921575989136588898',
  partitionKey: 'a',
  data: new Uint8Array(bytes).fill(255),
  arrivedAtMs: 1_545_084_650_987,
});

test('the event is the one that AWS documents', () => {
  expect(toEvent(streamMapping({}), 'shardId-000000000006', [record(3)])).toEqual({
    Records: [
      {
        kinesis: {
          kinesisSchemaVersion: '1.0',
          partitionKey: 'a',
          sequenceNumber: '49590338271490256608559692538361571095921575989136588898',
          data: '////',
          approximateArrivalTimestamp: 1_545_084_650.987,
        },
        eventSource: 'aws:kinesis',
        eventVersion: '1.0',
        eventID: 'shardId-000000000006:49590338271490256608559692538361571095921575989136588898',
        eventName: 'aws:kinesis:record',
        invokeIdentityArn: 'arn:aws:lambda:us-east-1:000000000000:function:consumer',
        awsRegion: 'us-east-1',
        eventSourceARN: 'arn:aws:kinesis:us-east-1:000000000000:stream/orders',
      },
    ],
  });
});

test('a batch has at most as many records as asked for', () => {
  expect(countFitting([record(1), record(1), record(1)], 2)).toBe(2);
});

test.each([1, 1000, 50_000, 1_000_000])(
  'an event of records of %i bytes stays below the quota of an invocation',
  (bytes) => {
    const records = Array.from({ length: Math.min(20_000, Math.ceil(7_000_000 / bytes)) }, () =>
      record(bytes),
    );
    const count = countFitting(records, 10_000);
    const payload = JSON.stringify(
      toEvent(streamMapping({}), 'shardId-000000000006', records.slice(0, count)),
    );
    expect(payload.length).toBeLessThanOrEqual(MAX_PAYLOAD_BYTES);
    expect(count).toBeGreaterThan(0);
  },
);

test('a record that is too large alone is delivered alone', () => {
  expect(countFitting([record(7_000_000), record(1)], 10)).toBe(1);
});
