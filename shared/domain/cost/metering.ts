/*
 * How services count what they bill. Each function says what one request (or one function run) is billed as; amounts
 * are in the units of the price that is named. Sizes are in bytes.
 */

const KIB = 1024;
const GIB = 1024 ** 3;

/** Units begun, one at least. */
const unitsOf = (bytes: number, unitBytes: number): number => Math.max(1, Math.ceil(bytes / unitBytes));

/** HTTP APIs are metered in steps of 512 KB. */
const API_STEP_BYTES = 512 * KIB;

/**
 * Requests that one request to an HTTP API is billed as (`apiRequest`): body and headers, in steps of 512 KB.
 *
 * https://aws.amazon.com/api-gateway/pricing/
 */
export function apiRequests(bytes: number): number {
  return unitsOf(bytes, API_STEP_BYTES);
}

/** "A 1MB record contains 40 PUT Payload Units": where a KB may be either, the smaller one is reckoned with. */
const PUT_UNIT_BYTES = 25_000;

/**
 * PUT payload units of one record on a provisioned stream (`kinesisPutUnit`).
 *
 * https://aws.amazon.com/kinesis/data-streams/pricing/
 */
export function kinesisPutUnits(bytes: number): number {
  return unitsOf(bytes, PUT_UNIT_BYTES);
}

/**
 * Bytes that one record on a stream on demand is billed as: rounded up to the next KB.
 *
 * https://aws.amazon.com/kinesis/data-streams/pricing/
 */
export function kinesisOnDemandBytes(bytes: number): number {
  return unitsOf(bytes, KIB) * KIB;
}

/**
 * Requests that one call to SQS is billed as (`sqsRequest`), whatever number of messages it carries: in chunks of 64 KB.
 *
 * https://aws.amazon.com/sqs/pricing/
 */
export function sqsRequests(bytes: number): number {
  return unitsOf(bytes, 64 * KIB);
}

/**
 * Bytes that one record is billed as by Firehose: rounded up to the next 5 KB.
 *
 * https://aws.amazon.com/firehose/pricing/
 */
export function firehoseBytes(bytes: number): number {
  return unitsOf(bytes, 5 * KIB) * 5 * KIB;
}

/** How an item is read: `eventual` costs half of `strong`, within a transaction it costs twice that. */
export type ReadMode = 'strong' | 'eventual' | 'transaction';

/**
 * Write units of one item (`dynamoWriteUnit`): a kilobyte begun of the whole item, the larger of before and after; twice
 * that in a transaction. A conditional write that is refused is billed as well.
 *
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
 */
export function dynamoWriteUnits(itemBytes: number, isTransaction = false): number {
  return unitsOf(itemBytes, KIB) * (isTransaction ? 2 : 1);
}

/**
 * Read units (`dynamoReadUnit`): 4 KB begun of an item, or of all the items of a Query together.
 *
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
 */
export function dynamoReadUnits(bytes: number, mode: ReadMode = 'strong'): number {
  const factor = { strong: 1, eventual: 0.5, transaction: 2 }[mode];
  return unitsOf(bytes, 4 * KIB) * factor;
}

/**
 * GB-seconds of one run of a function (`lambdaArmGbSecond`): a GB is 1,024 MB of configured memory, times are rounded up
 * to a millisecond.
 *
 * https://aws.amazon.com/lambda/pricing/
 */
export function lambdaGbSeconds(billedMs: number, memoryMiB: number): number {
  return (Math.ceil(billedMs) / 1000) * (memoryMiB / KIB);
}

/** What CloudWatch counts for each line besides its bytes. */
const LOG_EVENT_BYTES = 26;

/**
 * GB that a line of a log is billed as (`cloudWatchLogGb`).
 *
 * https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html: "plus 26 bytes for each"
 */
export function logGb(lineBytes: number): number {
  return (lineBytes + LOG_EVENT_BYTES) / 1e9;
}

/** Bytes as the GB that services bill stored and transferred data in, which are 2^30 bytes. */
export function toBilledGb(bytes: number): number {
  return bytes / GIB;
}

/** Hours that a month is billed as. */
export const HOURS_PER_MONTH = 730;
/** Days of such a month. */
export const DAYS_PER_MONTH = HOURS_PER_MONTH / 24;
/** Seconds of such a month. */
export const SECONDS_PER_MONTH = HOURS_PER_MONTH * 3600;

/**
 * Requests with which Lambda asks an empty queue in a month: five pollers, each of which waits 20 s for an answer.
 *
 * https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
 */
export const SQS_IDLE_POLLS_PER_MONTH = (5 / 20) * SECONDS_PER_MONTH;
