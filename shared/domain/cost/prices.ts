/** A cheaper (or dearer) price that holds for what is used above an amount in a month. */
interface PriceTier {
  /** Amount in a month, in single units, from which on it holds. */
  readonly above: number;
  /** US dollars for `per` units. */
  readonly usd: number;
}

/** One list price, without free tiers. */
export interface Price {
  /** Who bills it, for people: "Kinesis". */
  readonly service: string;
  /** US dollars for `per` units, up to the first of the `tiers`. */
  readonly usd: number;
  readonly per: number;
  /** What is counted. */
  readonly unit: string;
  /** Prices of larger amounts, in ascending order; a month's usage of the whole account counts. */
  readonly tiers?: readonly PriceTier[];
  /** Where it was read, and when (year-month). */
  readonly source: string;
  readonly asOf: string;
  /** Whether it was read on the page of its seller; otherwise it is hearsay, and shown as such. */
  readonly verified: boolean;
}

const API_GATEWAY = { service: 'API Gateway', source: 'https://aws.amazon.com/api-gateway/pricing/' };
const LAMBDA = { service: 'Lambda', source: 'https://aws.amazon.com/lambda/pricing/', asOf: '2026-09' };
const KINESIS = {
  service: 'Kinesis',
  source: 'https://aws.amazon.com/kinesis/data-streams/pricing/',
  asOf: '2026-09',
};
const FIREHOSE = {
  service: 'Firehose',
  source: 'https://aws.amazon.com/firehose/pricing/',
  asOf: '2026-09',
};
const SQS = { service: 'SQS', source: 'https://aws.amazon.com/sqs/pricing/', asOf: '2026-09' };
const DYNAMODB = {
  service: 'DynamoDB',
  source: 'https://aws.amazon.com/dynamodb/pricing/on-demand/',
  asOf: '2026-08',
};
const DYNAMODB_PROVISIONED = {
  service: 'DynamoDB',
  source: 'https://aws.amazon.com/dynamodb/pricing/provisioned/',
  asOf: '2026-08',
};
const S3 = { service: 'S3', source: 'https://aws.amazon.com/s3/pricing/', asOf: '2026-08' };
const CLOUDWATCH = {
  service: 'CloudWatch',
  source: 'https://aws.amazon.com/cloudwatch/pricing/',
  asOf: '2026-10',
};
const MSK = { service: 'MSK', source: 'https://aws.amazon.com/msk/pricing/', asOf: '2026-09' };
const FARGATE = { service: 'Fargate', source: 'https://aws.amazon.com/fargate/pricing/', asOf: '2026-07' };
const EMR = { service: 'EMR', source: 'https://aws.amazon.com/emr/pricing/', asOf: '2026-03' };
const DATAFLOW = {
  service: 'Dataflow',
  source: 'https://cloud.google.com/dataflow/pricing',
  asOf: '2025-12',
};
const NETWORK = { service: 'VPC', source: 'https://aws.amazon.com/vpc/pricing/', asOf: '2026-07' };
const GB = 'GB of 1e9 bytes';

/**
 * The prices that cost figures are computed from: list prices of us-east-1 in US dollars, without free tiers. A changed
 * price is a changed row here; another region is another table, see `PriceOverrides`.
 */
export const PRICES = {
  apiRequest: {
    ...API_GATEWAY,
    usd: 1,
    per: 1e6,
    unit: 'requests of up to 512 KB',
    tiers: [{ above: 300e6, usd: 0.9 }],
    asOf: '2026-01',
    verified: true,
  },
  restApiRequest: {
    ...API_GATEWAY,
    usd: 3.5,
    per: 1e6,
    unit: 'requests to a REST API',
    tiers: [
      { above: 333e6, usd: 2.8 },
      { above: 1e9, usd: 2.38 },
      { above: 20e9, usd: 1.51 },
    ],
    asOf: '2026-01',
    verified: true,
  },
  lambdaRequest: { ...LAMBDA, usd: 0.2, per: 1e6, unit: 'invocations', verified: true },
  lambdaArmGbSecond: {
    ...LAMBDA,
    usd: 0.0000133334,
    per: 1,
    unit: 'GB-seconds',
    tiers: [
      { above: 7.5e9, usd: 0.0000120001 },
      { above: 18.75e9, usd: 0.0000106667 },
    ],
    verified: true,
  },
  kinesisPutUnit: { ...KINESIS, usd: 0.014, per: 1e6, unit: 'units of 25 KB', verified: true },
  kinesisShardHour: { ...KINESIS, usd: 0.015, per: 1, unit: 'shard-hours', verified: true },
  kinesisExtendedShardHour: {
    ...KINESIS,
    usd: 0.02,
    per: 1,
    unit: 'shard-hours of keeping records for more than a day, up to 7 days',
    verified: true,
  },
  kinesisFanOutShardHour: {
    ...KINESIS,
    usd: 0.015,
    per: 1,
    unit: 'hours of a consumer and a shard with enhanced fan-out',
    verified: true,
  },
  kinesisFanOutGb: {
    ...KINESIS,
    usd: 0.013,
    per: 1,
    unit: `${GB} read with enhanced fan-out`,
    verified: true,
  },
  kinesisOnDemandStreamHour: {
    ...KINESIS,
    usd: 0.04,
    per: 1,
    unit: 'stream-hours, on demand',
    verified: true,
  },
  kinesisOnDemandGbIn: {
    ...KINESIS,
    usd: 0.08,
    per: 1,
    unit: `${GB} written, each record rounded up to 1 KB`,
    verified: true,
  },
  kinesisOnDemandGbOut: { ...KINESIS, usd: 0.04, per: 1, unit: `${GB} read, on demand`, verified: true },
  kinesisAdvantageGbIn: {
    ...KINESIS,
    usd: 0.032,
    per: 1,
    unit: `${GB} written, on demand with 25 MiB/s committed`,
    verified: true,
  },
  kinesisAdvantageGbOut: {
    ...KINESIS,
    usd: 0.016,
    per: 1,
    unit: `${GB} read, on demand with 25 MiB/s committed`,
    verified: true,
  },
  firehoseGb: {
    ...FIREHOSE,
    usd: 0.029,
    per: 1,
    unit: `${GB} taken in, each record rounded up to 5 KB`,
    tiers: [
      { above: 500e3, usd: 0.025 },
      { above: 2e6, usd: 0.02 },
    ],
    verified: true,
  },
  firehoseConversionGb: {
    ...FIREHOSE,
    usd: 0.018,
    per: 1,
    unit: `${GB} converted to Parquet`,
    verified: true,
  },
  firehosePartitioningGb: {
    ...FIREHOSE,
    usd: 0.02,
    per: 1,
    unit: `${GB} partitioned by a field`,
    verified: true,
  },
  firehosePartitionedObject: {
    ...FIREHOSE,
    usd: 0.005,
    per: 1e3,
    unit: 'objects of partitions',
    verified: true,
  },
  firehoseIcebergGb: { ...FIREHOSE, usd: 0.045, per: 1, unit: `${GB} delivered to Iceberg`, verified: true },
  sqsRequest: { ...SQS, usd: 0.4, per: 1e6, unit: 'requests, one for each 64 KB', verified: true },
  sqsFifoRequest: { ...SQS, usd: 0.5, per: 1e6, unit: 'requests to a FIFO queue', verified: true },
  dynamoWriteUnit: { ...DYNAMODB, usd: 0.625, per: 1e6, unit: 'write units of 1 KB', verified: true },
  dynamoReadUnit: { ...DYNAMODB, usd: 0.125, per: 1e6, unit: 'read units of 4 KB', verified: true },
  dynamoGbMonth: { ...DYNAMODB, usd: 0.25, per: 1, unit: 'GB-months in tables', verified: true },
  dynamoBackupGbMonth: {
    ...DYNAMODB,
    usd: 0.2,
    per: 1,
    unit: 'GB-months of tables that can be restored to any second',
    verified: false,
  },
  dynamoWriteCapacityHour: {
    ...DYNAMODB_PROVISIONED,
    usd: 0.00065,
    per: 1,
    unit: 'hours of a write unit per second',
    verified: true,
  },
  dynamoReadCapacityHour: {
    ...DYNAMODB_PROVISIONED,
    usd: 0.00013,
    per: 1,
    unit: 'hours of a read unit per second',
    verified: true,
  },
  s3Put: { ...S3, usd: 5, per: 1e6, unit: 'PUT and LIST requests', verified: true },
  s3Get: { ...S3, usd: 0.4, per: 1e6, unit: 'GET and HEAD requests', verified: true },
  s3GbMonth: {
    ...S3,
    usd: 0.023,
    per: 1,
    unit: 'GB-months, Standard',
    tiers: [
      { above: 50e3, usd: 0.022 },
      { above: 500e3, usd: 0.021 },
    ],
    verified: true,
  },
  schedulerInvocation: {
    service: 'EventBridge Scheduler',
    usd: 1,
    per: 1e6,
    unit: 'scheduled runs',
    source: 'https://aws.amazon.com/eventbridge/pricing/',
    asOf: '2026-05',
    verified: true,
  },
  cloudWatchMetric: {
    ...CLOUDWATCH,
    usd: 0.3,
    per: 1,
    unit: 'metrics',
    tiers: [
      { above: 10e3, usd: 0.1 },
      { above: 250e3, usd: 0.05 },
      { above: 1e6, usd: 0.02 },
    ],
    verified: true,
  },
  cloudWatchAlarm: { ...CLOUDWATCH, usd: 0.1, per: 1, unit: 'metrics in alarms', verified: true },
  cloudWatchCompositeAlarm: { ...CLOUDWATCH, usd: 0.5, per: 1, unit: 'composite alarms', verified: true },
  cloudWatchDashboard: { ...CLOUDWATCH, usd: 3, per: 1, unit: 'dashboards', verified: true },
  cloudWatchLogGb: { ...CLOUDWATCH, usd: 0.5, per: 1, unit: `${GB} of logs`, verified: true },
  cloudWatchLogInfrequentGb: {
    ...CLOUDWATCH,
    usd: 0.25,
    per: 1,
    unit: `${GB} of logs, infrequent access`,
    verified: true,
  },
  kmsKeyMonth: {
    service: 'KMS',
    usd: 1,
    per: 1,
    unit: 'keys',
    source: 'https://aws.amazon.com/kms/pricing/',
    asOf: '2026-07',
    verified: true,
  },
  kmsRequest: {
    service: 'KMS',
    usd: 0.03,
    per: 1e4,
    unit: 'requests',
    source: 'https://aws.amazon.com/kms/pricing/',
    asOf: '2026-07',
    verified: true,
  },
  secretMonth: {
    service: 'Secrets Manager',
    usd: 0.4,
    per: 1,
    unit: 'secrets',
    source: 'https://aws.amazon.com/secrets-manager/pricing/',
    asOf: '2026-07',
    verified: true,
  },
  natHour: { ...NETWORK, usd: 0.045, per: 1, unit: 'hours of a NAT gateway', verified: true },
  natGb: { ...NETWORK, usd: 0.045, per: 1, unit: `${GB} through a NAT gateway`, verified: true },
  endpointHour: {
    ...NETWORK,
    source: 'https://aws.amazon.com/privatelink/pricing/',
    usd: 0.01,
    per: 1,
    unit: 'hours of an interface endpoint in a zone',
    verified: true,
  },
  endpointGb: {
    ...NETWORK,
    source: 'https://aws.amazon.com/privatelink/pricing/',
    usd: 0.01,
    per: 1,
    unit: `${GB} through an interface endpoint`,
    verified: true,
  },
  crossZoneGb: {
    ...NETWORK,
    source: 'https://aws.amazon.com/ec2/pricing/on-demand/',
    usd: 0.01,
    per: 1,
    unit: `${GB} between zones, in each direction`,
    verified: true,
  },
  fargateArmCpuHour: { ...FARGATE, usd: 0.03238, per: 1, unit: 'vCPU-hours', verified: true },
  fargateArmGbHour: { ...FARGATE, usd: 0.00356, per: 1, unit: 'GB-hours', verified: true },
  glueDpuHour: {
    service: 'Glue',
    usd: 0.44,
    per: 1,
    unit: 'DPU-hours (4 vCPU, 16 GB)',
    source: 'https://aws.amazon.com/glue/pricing/',
    asOf: '2026-10',
    verified: true,
  },
  athenaTb: {
    service: 'Athena',
    usd: 5,
    per: 1,
    unit: 'TB scanned',
    source: 'https://aws.amazon.com/athena/pricing/',
    asOf: '2026-10',
    verified: true,
  },
  mskServerlessHour: { ...MSK, usd: 0.75, per: 1, unit: 'cluster-hours, serverless', verified: true },
  mskServerlessGbIn: { ...MSK, usd: 0.1, per: 1, unit: `${GB} written, serverless`, verified: true },
  mskServerlessGbOut: { ...MSK, usd: 0.05, per: 1, unit: `${GB} read, serverless`, verified: true },
  dmsServerlessHour: {
    service: 'DMS',
    usd: 0.087,
    per: 1,
    unit: 'DCU-hours, serverless',
    source: 'https://aws.amazon.com/dms/pricing/',
    asOf: '2026-09',
    verified: false,
  },
  emrServerlessCpuHour: {
    ...EMR,
    usd: 0.052624,
    per: 1,
    unit: 'vCPU-hours, EMR Serverless',
    verified: false,
  },
  emrServerlessGbHour: { ...EMR, usd: 0.0057785, per: 1, unit: 'GB-hours, EMR Serverless', verified: false },
  airflowHour: {
    service: 'MWAA',
    usd: 0.49,
    per: 1,
    unit: 'hours of a small Airflow environment',
    source: 'https://aws.amazon.com/managed-workflows-for-apache-airflow/pricing/',
    asOf: '2026-03',
    verified: false,
  },
  mskBrokerHour: { ...MSK, usd: 0.204, per: 1, unit: 'hours of a broker kafka.m7g.large', verified: false },
  mskStorageGbMonth: { ...MSK, usd: 0.1, per: 1, unit: 'GB-months in brokers', verified: false },
  mskConnectHour: {
    ...MSK,
    usd: 0.11,
    per: 1,
    unit: 'MCU-hours of MSK Connect (1 vCPU, 4 GB)',
    verified: false,
  },
  flinkHour: {
    service: 'Managed Flink',
    usd: 0.11,
    per: 1,
    unit: 'KPU-hours (1 vCPU, 4 GB)',
    source: 'https://aws.amazon.com/managed-service-apache-flink/pricing/',
    asOf: '2026-03',
    verified: false,
  },
  dataflowCpuHour: { ...DATAFLOW, usd: 0.069, per: 1, unit: 'vCPU-hours, streaming', verified: false },
  dataflowGbHour: { ...DATAFLOW, usd: 0.003557, per: 1, unit: 'GB-hours of memory', verified: false },
  dataflowStreamingGb: {
    ...DATAFLOW,
    usd: 0.018,
    per: 1,
    unit: 'GB through Streaming Engine',
    verified: false,
  },
  datastreamGb: {
    service: 'Datastream',
    usd: 2,
    per: 1,
    unit: 'GiB of changes, as it counts them',
    tiers: [
      { above: 2_500, usd: 1.5 },
      { above: 5_000, usd: 1.2 },
      { above: 10_000, usd: 0.8 },
    ],
    source: 'https://cloud.google.com/datastream/pricing',
    asOf: '2025-12',
    verified: true,
  },
  fivetranRow: {
    service: 'Fivetran',
    usd: 500,
    per: 1e6,
    unit: 'monthly active rows',
    tiers: [
      { above: 5e6, usd: 250 },
      { above: 50e6, usd: 100 },
    ],
    source: 'https://www.fivetran.com/pricing',
    asOf: '2025-12',
    verified: false,
  },
  stitchRow: {
    service: 'Stitch',
    // Between the plans: $100 for 5 million rows, $1,250 for 100, $2,500 for 1,000.
    usd: 20,
    per: 1e6,
    unit: 'rows',
    tiers: [
      { above: 5e6, usd: 12.1 },
      { above: 100e6, usd: 1.39 },
    ],
    source: 'https://www.stitchdata.com/pricing/',
    asOf: '2025-12',
    verified: false,
  },
} as const satisfies Readonly<Record<string, Price>>;

export type PriceName = keyof typeof PRICES;

/** A price for everything that is counted: `PRICES`, or those of another region or contract. */
export type PriceTable = Readonly<Record<PriceName, Price>>;
