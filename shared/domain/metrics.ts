/** CloudWatch namespace of all metrics. */
export const METRIC_NAMESPACE = 'Headgate';

/** Unit of a metric as CloudWatch names it. */
type MetricUnit = 'Count' | 'Bytes' | 'Milliseconds' | 'None';

/** What is counted under one name. */
interface Metric {
  readonly unit: MetricUnit;
  readonly help: string;
  /** It stands in the line and is no metric of CloudWatch: it can be read and queried there, and costs nothing. */
  readonly isProperty?: true;
}

/**
 * Every metric that Headgate emits, with its unit and meaning; dimensions are `source` and `lane`. The reference
 * page is generated from this table. Each costs $0.30 a month per source and lane.
 */
export const METRICS = {
  RecordsReceived: { unit: 'Count', help: 'Records that arrived, before any check.' },
  RecordsAccepted: { unit: 'Count', help: 'Records made durable (including those kept in quarantine).' },
  RecordsRejected: { unit: 'Count', help: 'Records refused with an error to the sender; nothing is stored.' },
  RecordsLanded: { unit: 'Count', help: 'Rows committed to the lake.' },
  RecordsDuplicate: { unit: 'Count', help: 'Records suppressed because their key had landed before.' },
  RecordsQuarantined: { unit: 'Count', help: 'Rows committed to the quarantine zone.' },
  BytesReceived: { unit: 'Bytes', help: 'Raw JSON received, after decompression.' },
  BytesLanded: { unit: 'Bytes', help: 'Parquet written to the lake.' },
  PartitionsWritten: { unit: 'Count', help: 'Files committed.' },
  EndToEndLatency: {
    unit: 'Milliseconds',
    help: 'From receipt by Headgate to the commit in the lake, per record.',
  },
  RequestsSpilled: {
    unit: 'Count',
    help: 'Requests that the stream did not take and the landing zone did; their records land later.',
  },
  Requests: { unit: 'Count', help: 'Requests to the push API.' },
  Errors: { unit: 'Count', help: 'Requests, runs or batches that failed on our side.' },
  Retries: { unit: 'Count', help: 'Requests to a pulled API that were repeated.' },
  SourcePaused: {
    unit: 'Count',
    help: 'Runs after which a pulled source paused itself, and runs that it left out since: zero when all is well.',
  },
  OverBudget: {
    unit: 'Count',
    help: 'Requests, deliveries or runs of a source that is over its monthly budget: zero when all is well.',
  },
  SourceLag: {
    unit: 'Milliseconds',
    help: 'How long the oldest open transaction of a database has held the reading back.',
  },
  CriticalFindings: {
    unit: 'Count',
    help: 'What the hourly watch or a probe has found that must be mended, such as missing records; only sent when there is something.',
  },
  WarningFindings: {
    unit: 'Count',
    help: 'What the hourly watch has found that is unusual, such as a drop of the volume; only sent when there is something.',
  },
  MissingRecords: {
    unit: 'Count',
    help: 'Records that are missing in the lake: rows that a database has in a stretch which was read, and that were not read.',
    isProperty: true,
  },
  EstimatedCostUsd: {
    unit: 'None',
    help: 'What AWS will bill for what the function did, in US dollars at list prices; resources that stand and wait, such as shards and alarms, are not in it.',
  },
  BytesFramed: {
    unit: 'Bytes',
    help: 'Frames that requests became, compressed, as they were sent.',
    isProperty: true,
  },
  BytesCommitted: {
    unit: 'Bytes',
    help: 'Raw JSON of the records of all commits, duplicates and quarantine included.',
    isProperty: true,
  },
  CheckpointAge: { unit: 'Milliseconds', help: 'Age of the newest committed position of a pulled source.' },
} as const satisfies Readonly<Record<string, Metric>>;

export type MetricName = keyof typeof METRICS;
