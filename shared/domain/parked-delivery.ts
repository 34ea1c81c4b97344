import * as z from 'zod';
import { RejectedError } from './errors.ts';
import { comparePositions, isSequenceNumber } from './identity.ts';
import { toStreamBatches, type StreamBatch } from './stream-batch.ts';

/** A delivery of a stream that its function gave up on, with everything that is needed to land it. */
export interface ParkedDelivery {
  /** All records of the delivery. */
  readonly batch: StreamBatch;
  readonly functionArn: string;
  /** Why it was given up, in Lambda's words: `RetryAttemptsExhausted`, `RecordAgeExceeded`, … */
  readonly condition: string;
  /** How often the function was invoked with it, as Lambda says: about so often. */
  readonly attempts?: number | undefined;
  /** When it was given up, ms since the epoch. */
  readonly parkedAtMs: number;
}

const sequenceNumber = z.string().refine(isSequenceNumber, {
  error: 'must be a sequence number: digits in quotes, without leading zeros',
});

const time = z.string().refine((text) => !Number.isNaN(Date.parse(text)), {
  error: 'must be a time such as "2026-03-01T09:30:00.000Z"',
});

/** https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html */
const documentSchema = z.object({
  requestContext: z.object({
    functionArn: z.string(),
    condition: z.string(),
    approximateInvokeCount: z.number().optional(),
  }),
  timestamp: time,
  KinesisBatchInfo: z.object({
    shardId: z.string(),
    startSequenceNumber: sequenceNumber,
    endSequenceNumber: sequenceNumber,
    batchSize: z.number(),
    streamArn: z.string(),
  }),
  payload: z.string(),
});

const eventSchema = z.object({
  Records: z
    .array(
      z.object({
        eventSource: z.literal('aws:kinesis'),
        eventID: z.string().regex(/^[\w-]+:\d+$/, { error: 'must be "<shard id>:<sequence number>"' }),
        eventSourceARN: z.string().regex(/^arn:[\w-]+:kinesis:.*:stream\/[\w.-]+$/, {
          error: 'must be the ARN of a Kinesis stream',
        }),
        kinesis: z.object({
          sequenceNumber,
          data: z.base64(),
          approximateArrivalTimestamp: z.number(),
        }),
      }),
    )
    .min(1, { error: 'must have at least one record' }),
});

const KEEP = 'keep the object: it may be the only copy of its records';

function invalid(problem: string, next = `pass the object as Lambda wrote it; ${KEEP}`): RejectedError {
  return new RejectedError('PARKED_DELIVERY_INVALID', `not a parked delivery: ${problem}; ${next}`);
}

/**
 * Reads the document that Lambda writes to an S3 on-failure destination.
 *
 * @throws RejectedError with code `PARKED_DELIVERY_INVALID`, or `PARKED_DELIVERY_EMPTY` when it lacks its records; both
 * name the field and say what to do
 */
export function parseParkedDelivery(bytes: Uint8Array): ParkedDelivery {
  const input = parseJson(Buffer.from(bytes).toString(), 'the object');
  if (!isObject(input)) throw invalid('it is not a JSON object');
  if (!('KinesisBatchInfo' in input)) {
    const other = Object.keys(input).find((name) => name.endsWith('BatchInfo'));
    throw invalid(
      'KinesisBatchInfo is missing' + (other === undefined ? '' : `, and there is ${other} instead`),
      `only deliveries of Kinesis streams are replayed; ${KEEP}`,
    );
  }
  if (!('payload' in input)) {
    throw new RejectedError(
      'PARKED_DELIVERY_EMPTY',
      'payload is missing: the document came from an SQS or SNS destination, which carries no records, only where they ' +
        'stood in the stream; while the stream keeps them, read them from there. Let the mapping park in S3, whose ' +
        'documents hold the records',
    );
  }
  const document = check(documentSchema, input, '');
  const { Records: records } = check(eventSchema, parseJson(document.payload, 'payload'), 'payload.');
  const [batch, other] = toStreamBatches(records);
  if (batch === undefined || other !== undefined) {
    throw invalid('payload.Records holds records of several shards, and a delivery has those of one');
  }
  assertConsistent(document.KinesisBatchInfo, batch);
  records.forEach(({ eventID, kinesis }, i) => {
    if (eventID.endsWith(`:${kinesis.sequenceNumber}`)) return;
    throw invalid(`payload.Records.${String(i)}: eventID and kinesis.sequenceNumber name different records`);
  });
  return {
    batch,
    functionArn: document.requestContext.functionArn,
    condition: document.requestContext.condition,
    attempts: document.requestContext.approximateInvokeCount,
    parkedAtMs: Date.parse(document.timestamp),
  };
}

/** Records that are missing would be taken for landed, so what the document says of itself must agree. */
function assertConsistent(
  info: z.infer<typeof documentSchema>['KinesisBatchInfo'],
  { stream, shardId, records }: StreamBatch,
): void {
  records.forEach((record, i) => {
    const before = records[i - 1];
    if (before === undefined || comparePositions(before.sequenceNumber, record.sequenceNumber) < 0) return;
    throw invalid(
      `payload.Records.${String(i)}.kinesis.sequenceNumber is not greater than the one before it`,
    );
  });
  const facts = [
    ['streamArn', info.streamArn.slice(info.streamArn.lastIndexOf('/') + 1), stream],
    ['shardId', info.shardId, shardId],
    ['batchSize', String(info.batchSize), String(records.length)],
    ['startSequenceNumber', info.startSequenceNumber, records[0]?.sequenceNumber],
    ['endSequenceNumber', info.endSequenceNumber, records.at(-1)?.sequenceNumber],
  ] as const;
  for (const [field, said, found] of facts) {
    if (said === found) continue;
    throw invalid(`KinesisBatchInfo.${field} says ${said}, and payload has ${String(found)}`);
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalid(`${what} is not JSON`);
  }
}

function check<Schema extends z.ZodType>(schema: Schema, input: unknown, prefix: string): z.infer<Schema> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw invalid(`${prefix}${issue?.path.map(String).join('.') ?? ''}: ${issue?.message ?? 'is wrong'}`);
}
