import { describe, expect, test } from 'vitest';
import { toInvocationRecord } from '../../../cloud/event-source-poller/to-invocation-record.ts';
import { parseParkedDelivery } from '../../../shared/domain/parked-delivery.ts';
import { streamMapping } from '../cloud/stream-mapping-fixture.ts';

interface Document {
  requestContext: Record<string, unknown>;
  timestamp: unknown;
  KinesisBatchInfo: Record<string, unknown>;
  payload?: unknown;
}
interface EventRecord {
  eventSource: string;
  eventID: string;
  eventSourceARN: string;
  kinesis: { sequenceNumber: string; data: string; approximateArrivalTimestamp: unknown };
}

const AT_MS = Date.UTC(2026, 0, 2, 3, 4, 6);
const mapping = streamMapping({});
const SHARD = 'shardId-000000000001';
const written = toInvocationRecord(mapping, {
  shardId: SHARD,
  records: ['9', '10', '11'].map((sequenceNumber) => ({
    sequenceNumber,
    partitionKey: 'k',
    data: Buffer.from([0xff, Number(sequenceNumber)]),
    arrivedAtMs: AT_MS - 1_000,
  })),
  condition: 'RecordAgeExceeded',
  invocations: 3,
  outcome: undefined,
  atMs: AT_MS,
});

const toBytes = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

/** The document with a change to it. */
function changed(change: (document: Document) => void): Buffer {
  const document = structuredClone(written) as unknown as Document;
  change(document);
  return toBytes(document);
}

/** The document with a change to its records. */
function withRecords(change: (records: EventRecord[]) => EventRecord[] | undefined): Buffer {
  return changed((document) => {
    const event = JSON.parse(String(document.payload)) as { Records: EventRecord[] };
    document.payload = JSON.stringify({ Records: change(event.Records) ?? event.Records });
  });
}

const edit = (i: number, change: (record: EventRecord) => void) =>
  withRecords((records) => {
    const record = records[i];
    if (record !== undefined) change(record);
    return records;
  });

describe('a parked delivery', () => {
  test('gives the records of the delivery, byte by byte, with stream, shard, function and time', () => {
    expect(parseParkedDelivery(toBytes(written))).toEqual({
      batch: {
        stream: mapping.streamArn.slice(mapping.streamArn.lastIndexOf('/') + 1),
        shardId: SHARD,
        records: [9, 10, 11].map((n) => ({
          sequenceNumber: String(n),
          data: Buffer.from([0xff, n]),
          arrivedAtMs: AT_MS - 1_000,
        })),
      },
      functionArn: mapping.functionArn,
      condition: 'RecordAgeExceeded',
      attempts: 3,
      parkedAtMs: AT_MS,
    });
  });

  test('does without the number of attempts, which Lambda only estimates', () => {
    const bytes = changed((document) => delete document.requestContext['approximateInvokeCount']);
    expect(parseParkedDelivery(bytes).attempts).toBeUndefined();
  });

  test('without payload is refused with the reason: SQS and SNS destinations carry no records', () => {
    const bytes = changed((document) => delete document.payload);
    expect(() => parseParkedDelivery(bytes)).toThrow(
      expect.objectContaining({
        code: 'PARKED_DELIVERY_EMPTY',
        message: expect.stringMatching(/payload is missing.*SQS or SNS.*S3/) as string,
      }) as Error,
    );
  });

  test.each<[string, Uint8Array, RegExp]>([
    ['what is not JSON', Buffer.from('PAR1'), /the object is not JSON/],
    ['what is no object', Buffer.from('[]'), /not a JSON object/],
    [
      'a delivery of another kind of stream',
      toBytes({ DDBStreamBatchInfo: {}, payload: '{}' }),
      /KinesisBatchInfo is missing, and there is DDBStreamBatchInfo.*only deliveries of Kinesis/,
    ],
    [
      'a payload that is no text',
      changed((document) => (document.payload = {})),
      /payload: .*expected string/,
    ],
    ['a payload that is not JSON', changed((document) => (document.payload = '{')), /payload is not JSON/],
    [
      'a time that is none',
      changed((document) => (document.timestamp = 'soon')),
      /timestamp: must be a time/,
    ],
    [
      'a document without its function',
      changed((document) => delete document.requestContext['functionArn']),
      /requestContext\.functionArn/,
    ],
    ['a delivery without records', withRecords(() => []), /payload\.Records: must have at least one record/],
    [
      'records of another service',
      edit(1, (record) => (record.eventSource = 'aws:sqs')),
      /payload\.Records\.1\.eventSource/,
    ],
    [
      'an identity that is none',
      edit(0, (record) => (record.eventID = 'x')),
      /payload\.Records\.0\.eventID: must be "<shard id>:<sequence number>"/,
    ],
    [
      'a stream that is none',
      edit(0, (record) => (record.eventSourceARN = 'arn:aws:sqs:x')),
      /payload\.Records\.0\.eventSourceARN: must be the ARN of a Kinesis stream/,
    ],
    [
      'data that is not base64',
      edit(2, (record) => (record.kinesis.data = '{"a":1}')),
      /payload\.Records\.2\.kinesis\.data/,
    ],
    [
      'an arrival that is no number',
      edit(2, (record) => (record.kinesis.approximateArrivalTimestamp = 'now')),
      /payload\.Records\.2\.kinesis\.approximateArrivalTimestamp/,
    ],
    [
      'a sequence number that is none',
      edit(1, (record) => (record.kinesis.sequenceNumber = '010')),
      /payload\.Records\.1\.kinesis\.sequenceNumber: must be a sequence number/,
    ],
    [
      'records of several shards',
      edit(1, (record) => (record.eventID = 'shardId-2:10')),
      /records of several shards/,
    ],
    [
      'two names for one record',
      edit(1, (record) => (record.eventID = `${SHARD}:12`)),
      /payload\.Records\.1: eventID and kinesis\.sequenceNumber/,
    ],
    [
      'records in another order',
      withRecords((records) => records.toReversed()),
      /payload\.Records\.1\.kinesis\.sequenceNumber is not greater than the one before it/,
    ],
    [
      'a record that was taken out',
      withRecords((records) => records.filter((_, i) => i !== 1)),
      /batchSize says 3, and payload has 2/,
    ],
    [
      'another first record than it says',
      changed((document) => (document.KinesisBatchInfo['startSequenceNumber'] = '8')),
      /startSequenceNumber says 8, and payload has 9/,
    ],
    [
      'another last record than it says',
      changed((document) => (document.KinesisBatchInfo['endSequenceNumber'] = '12')),
      /endSequenceNumber says 12, and payload has 11/,
    ],
    [
      'another shard than it says',
      changed((document) => (document.KinesisBatchInfo['shardId'] = 'shardId-9')),
      /shardId says shardId-9/,
    ],
    [
      'another stream than it says',
      changed((document) => (document.KinesisBatchInfo['streamArn'] = 'arn:aws:kinesis:r:1:stream/other')),
      /streamArn says other/,
    ],
  ])('%s is refused, and the error names the field and says what to do', (_, bytes, problem) => {
    let message = '';
    try {
      parseParkedDelivery(bytes);
    } catch (error) {
      expect(error).toMatchObject({ code: 'PARKED_DELIVERY_INVALID', disposition: 'reject' });
      message = (error as Error).message;
    }
    expect(message).toMatch(problem);
    expect(message).toContain('keep the object');
  });
});
