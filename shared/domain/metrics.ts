/** CloudWatch namespace of all metrics. */
export const METRIC_NAMESPACE = 'Headgate';

/** Unit of a metric as CloudWatch names it. */
type MetricUnit = 'Count' | 'Bytes' | 'Milliseconds' | 'None';

/** What is counted under one name. */
interface Metric {
  readonly unit: MetricUnit;
  readonly help: string;
  /** It has a value per record or run, each with how often it was seen, instead of one sum. */
  readonly isDistribution?: true;
  /**
   * It stands in the line and is no metric of CloudWatch: it can be read and queried there, and costs nothing. `pulled`: in
   * the lines of functions that read on a schedule.
   */
  readonly isProperty?: true | 'pulled';
}

/**
 * Everything that is counted of a source, with its unit and meaning. The reference page is generated from this table. A
 * metric of CloudWatch costs $0.30 a month for each source; it is billed for the hours in which it gets a value. So there
 * are few: what alarms and dashboards need, and what is only sent when something is wrong. See decision 16.
 */
export const METRICS = {
  RecordErrors: {
    unit: 'None',
    help: 'For each record that arrived: 1 when it was refused or goes to quarantine, otherwise 0. Its average is the error rate, its number of samples the records received.',
    isDistribution: true,
  },
  EndToEndLatency: {
    unit: 'Milliseconds',
    help: 'From receipt by Headgate to the commit in the lake, for each record: the number of samples is the rows that landed.',
    isDistribution: true,
    isProperty: 'pulled',
  },
  CheckpointAge: {
    unit: 'Milliseconds',
    help: 'After each run of a pulled source that succeeded: since when the lake may lack what the source has.',
    isDistribution: true,
  },
  CriticalFindings: {
    unit: 'Count',
    help: 'What the hourly watch or a probe has found that must be mended, such as missing records; only sent when there is something.',
  },
  WarningFindings: {
    unit: 'Count',
    help: 'What the hourly watch has found that is unusual, such as a drop of the volume; only sent when there is something.',
  },
  RequestsSpilled: {
    unit: 'Count',
    help: 'Requests that the stream did not take and the landing zone did; their records land later. Only sent when there are some.',
  },
  SourcePaused: {
    unit: 'Count',
    help: 'Runs after which a pulled source paused itself, and runs that it left out since; only sent then.',
  },
  OverBudget: {
    unit: 'Count',
    help: 'Requests, deliveries or runs of a source that is over its monthly budget; only sent then.',
  },
  RecordsReceived: { unit: 'Count', help: 'Records that arrived, before any check.', isProperty: true },
  RecordsAccepted: {
    unit: 'Count',
    help: 'Records made durable (including those kept in quarantine).',
    isProperty: true,
  },
  RecordsRejected: {
    unit: 'Count',
    help: 'Records refused with an error to the sender; nothing is stored.',
    isProperty: true,
  },
  RecordsLanded: { unit: 'Count', help: 'Rows committed to the lake.', isProperty: true },
  RecordsDuplicate: {
    unit: 'Count',
    help: 'Records suppressed because their key had landed before.',
    isProperty: true,
  },
  RecordsQuarantined: { unit: 'Count', help: 'Rows committed to the quarantine zone.', isProperty: true },
  MissingRecords: {
    unit: 'Count',
    help: 'Records that were accepted, or stand in the source, and are not in the lake in time.',
    isProperty: true,
  },
  BytesReceived: { unit: 'Bytes', help: 'Raw JSON received, after decompression.', isProperty: true },
  BytesLanded: { unit: 'Bytes', help: 'Parquet written to the lake.', isProperty: true },
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
  PartitionsWritten: { unit: 'Count', help: 'Files committed.', isProperty: true },
  Requests: { unit: 'Count', help: 'Requests to the push API.', isProperty: true },
  Errors: {
    unit: 'Count',
    help: 'Requests, runs or batches that failed on our side.',
    isProperty: true,
  },
  Retries: { unit: 'Count', help: 'Requests to a pulled API that were repeated.', isProperty: true },
  SourceLag: {
    unit: 'Milliseconds',
    help: 'How long the oldest open transaction of a database has held the reading back.',
    isDistribution: true,
    isProperty: true,
  },
  EstimatedCostUsd: {
    unit: 'None',
    help: 'What AWS will bill for what the function did, in US dollars at list prices; resources that stand and wait, such as shards and alarms, are not in it.',
    isProperty: true,
  },
} as const satisfies Readonly<Record<string, Metric>>;

export type MetricName = keyof typeof METRICS;

/** What is a sum. */
export const COUNTERS = (Object.keys(METRICS) as MetricName[]).filter(
  (name) => !('isDistribution' in METRICS[name]),
);

/** Functions that read sources on a schedule. */
const PULLING_LANES: ReadonlySet<string> = new Set(['pull', 'extract']);

/** Whether what a lane says under this name is a metric of CloudWatch. */
export function isCloudWatchMetric(name: MetricName, lane: string): boolean {
  const metric: Metric = METRICS[name];
  return metric.isProperty === undefined || (metric.isProperty === 'pulled' && !PULLING_LANES.has(lane));
}
