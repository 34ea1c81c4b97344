import { describe, expect, test } from 'vitest';
import {
  apiRequests,
  dynamoReadUnits,
  dynamoWriteUnits,
  firehoseBytes,
  kinesisOnDemandBytes,
  kinesisPutUnits,
  lambdaGbSeconds,
  sqsRequests,
  toBilledGb,
} from '../../../shared/domain/cost/metering.ts';
import { priceAmount } from '../../../shared/domain/cost/price-usage.ts';
import { PRICES, type Price } from '../../../shared/domain/cost/prices.ts';

const KB = 1024;

/** Dollars as a bill shows them. */
const toCents = (usd: number): string => usd.toFixed(2);

/** A price as an example has it, where ours is another one by now. */
const at = (usd: number, per = 1): Price => ({ ...PRICES.s3Put, usd, per });

describe('Kinesis, examples of https://aws.amazon.com/kinesis/data-streams/pricing/', () => {
  test('a 5 KB record has one PUT payload unit, one of 45 KB two, one of 1 MB 40', () => {
    expect(kinesisPutUnits(5 * KB)).toBe(1);
    expect(kinesisPutUnits(45 * KB)).toBe(2);
    expect(kinesisPutUnits(1e6)).toBe(40);
  });

  test('100 records of 35 KB a second on 4 shards are $44.64 and $7.50 in a month of 31 days', () => {
    const units = 100 * kinesisPutUnits(35 * KB) * 86_400 * 31;
    expect(units).toBe(535_680_000);
    expect(toCents(priceAmount(PRICES.kinesisPutUnit, units))).toBe('7.50');
    expect(toCents(priceAmount(PRICES.kinesisShardHour, 4 * 24 * 31))).toBe('44.64');
  });

  test('on demand a record of 4.5 KB counts as 5 KB', () => {
    expect(kinesisOnDemandBytes(4.5 * KB)).toBe(5 * KB);
    expect(kinesisOnDemandBytes(1)).toBe(KB);
  });
});

describe('Lambda, example 1 of https://aws.amazon.com/lambda/pricing/ as it stood there in 2020', () => {
  test('3 million runs of a second with 512 MB are 1,500,000 GB-seconds, and $18.74 beyond its free tier', () => {
    const gbSeconds = 3e6 * lambdaGbSeconds(1_000, 512);
    expect(gbSeconds).toBe(1_500_000);
    const compute = priceAmount(at(0.00001667), gbSeconds - 400_000);
    const requests = priceAmount(PRICES.lambdaRequest, 3e6 - 1e6);
    expect(toCents(compute)).toBe('18.34');
    expect(toCents(requests)).toBe('0.40');
    expect(toCents(compute + requests)).toBe('18.74');
  });

  test('times are rounded up to a millisecond', () => {
    expect(lambdaGbSeconds(0.2, 1024)).toBe(0.001);
    expect(lambdaGbSeconds(100.01, 2048)).toBe(0.202);
  });
});

describe('DynamoDB, examples of https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html', () => {
  test('an item of 8 KB takes 2 units to read, 1 eventually consistent, 4 in a transaction', () => {
    expect(dynamoReadUnits(8 * KB)).toBe(2);
    expect(dynamoReadUnits(8 * KB, 'eventual')).toBe(1);
    expect(dynamoReadUnits(8 * KB, 'transaction')).toBe(4);
  });

  test('3.5 KB count as 4 KB and 10 KB as 12 KB', () => {
    expect(dynamoReadUnits(3.5 * KB)).toBe(1);
    expect(dynamoReadUnits(10 * KB)).toBe(3);
  });

  test('items of 1.5 and 6.5 KB are 12 KB one by one and 8 KB in a Query', () => {
    expect(dynamoReadUnits(1.5 * KB) + dynamoReadUnits(6.5 * KB)).toBe(3);
    expect(dynamoReadUnits(1.5 * KB + 6.5 * KB)).toBe(2);
  });

  test('an item of 2 KB takes 2 units to write, 4 in a transaction; one of 500 bytes a whole one', () => {
    expect(dynamoWriteUnits(2 * KB)).toBe(2);
    expect(dynamoWriteUnits(2 * KB, true)).toBe(4);
    expect(dynamoWriteUnits(500)).toBe(1);
    expect(dynamoWriteUnits(1 * KB + 1)).toBe(2);
  });
});

describe('Firehose, examples of https://aws.amazon.com/firehose/pricing/ and its questions', () => {
  test('records of 3, 12 and 42 KB count as 5, 15 and 45 KB, two of 1 KB as 10 KB', () => {
    expect([3, 12, 42].map((kb) => firehoseBytes(kb * KB) / KB)).toEqual([5, 15, 45]);
    expect(2 * firehoseBytes(KB)).toBe(10 * KB);
  });

  // The text of this one was not at hand when the test was written: it is the example as it is remembered.
  test('100 records of 3 KB a second are 1,235.96 GB and $35.84 in 30 days', () => {
    const gb = toBilledGb(100 * firehoseBytes(3 * KB) * 86_400 * 30);
    expect(gb.toFixed(2)).toBe('1235.96');
    expect(toCents(priceAmount(PRICES.firehoseGb, gb))).toBe('35.84');
  });
});

describe('SQS, https://aws.amazon.com/sqs/pricing/', () => {
  test('a payload of 256 KB is four requests, an empty one is one', () => {
    expect(sqsRequests(256 * KB)).toBe(4);
    expect(sqsRequests(0)).toBe(1);
    expect(sqsRequests(64 * KB + 1)).toBe(2);
  });
});

describe('API Gateway, https://aws.amazon.com/api-gateway/pricing/', () => {
  test('HTTP APIs are metered in 512 KB', () => {
    expect(apiRequests(512 * KB)).toBe(1);
    expect(apiRequests(512 * KB + 1)).toBe(2);
  });

  test('216 million requests are $216, and those above 300 million cost 90 cents a million', () => {
    expect(toCents(priceAmount(PRICES.apiRequest, 216e6))).toBe('216.00');
    expect(toCents(priceAmount(PRICES.apiRequest, 400e6))).toBe('390.00');
  });
});

describe('Datastream, tiers of https://cloud.google.com/datastream/pricing', () => {
  test('3,000 GiB of changes are 2,500 at $2 and 500 at $1.50', () => {
    expect(toCents(priceAmount(PRICES.datastreamGb, 3_000))).toBe('5750.00');
  });
});
