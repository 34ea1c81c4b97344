/** One list price of AWS in us-east-1, without free tiers. */
export interface Price {
  /** US dollars for `per` units. */
  readonly usd: number;
  readonly per: number;
  /** What is counted. */
  readonly unit: string;
  /** Where it was read, and when (year-month). */
  readonly source: string;
  readonly asOf: string;
}

/** The prices that Headgate's cost figures are computed from: a changed price is a changed row here. */
export const PRICES = {
  apiRequest: {
    usd: 1,
    per: 1e6,
    unit: 'requests of up to 512 KB',
    source: 'https://aws.amazon.com/api-gateway/pricing/',
    asOf: '2026-01',
  },
  lambdaRequest: {
    usd: 0.2,
    per: 1e6,
    unit: 'invocations',
    source: 'https://aws.amazon.com/lambda/pricing/',
    asOf: '2026-09',
  },
  lambdaArmGbSecond: {
    usd: 0.0000133334,
    per: 1,
    unit: 'GB-seconds',
    source: 'https://aws.amazon.com/lambda/pricing/',
    asOf: '2026-09',
  },
  kinesisPutUnit: {
    usd: 0.014,
    per: 1e6,
    unit: 'units of 25 KB',
    source: 'https://aws.amazon.com/kinesis/data-streams/pricing/',
    asOf: '2026-09',
  },
  kinesisShardHour: {
    usd: 0.015,
    per: 1,
    unit: 'shard-hours',
    source: 'https://aws.amazon.com/kinesis/data-streams/pricing/',
    asOf: '2026-09',
  },
  dynamoWriteUnit: {
    usd: 0.625,
    per: 1e6,
    unit: 'write units',
    source: 'https://aws.amazon.com/dynamodb/pricing/on-demand/',
    asOf: '2026-08',
  },
  dynamoReadUnit: {
    usd: 0.125,
    per: 1e6,
    unit: 'read units',
    source: 'https://aws.amazon.com/dynamodb/pricing/on-demand/',
    asOf: '2026-08',
  },
  s3Put: {
    usd: 5,
    per: 1e6,
    unit: 'PUT requests',
    source: 'https://aws.amazon.com/s3/pricing/',
    asOf: '2026-08',
  },
  schedulerInvocation: {
    usd: 1,
    per: 1e6,
    unit: 'scheduled runs',
    source: 'https://aws.amazon.com/eventbridge/pricing/',
    asOf: '2026-05',
  },
} as const satisfies Readonly<Record<string, Price>>;

export type PriceName = keyof typeof PRICES;
