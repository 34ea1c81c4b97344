import type { LaneActivity, Period } from './lane-activity.ts';

/** What a source was like in a period, from what its functions counted. */
export interface MeasuredSource {
  readonly source: string;
  /** How long it was looked at, in days: since its first sign of life in the period. */
  readonly days: number;
  readonly records: number;
  readonly gbPerDay: number;
  /** Raw JSON of a record. */
  readonly recordBytes: number | undefined;
  /** Of requests to the push API. */
  readonly recordsPerRequest: number | undefined;
  /** Raw bytes per byte of the frames; undefined where nothing is framed, or the logs that say it are gone. */
  readonly frameCompression: number | undefined;
  /** Raw bytes per byte of Parquet. */
  readonly parquetCompression: number | undefined;
  readonly filesPerDay: number;
  readonly bytesPerFile: number | undefined;
  /** Of the records that came to the lake, those that had landed before, 0 to 1. */
  readonly duplicates: number | undefined;
  /** GB of lines in the logs of its functions; undefined where the logs that say it are gone. */
  readonly logGbPerDay: number | undefined;
  readonly latency: LaneActivity['latency'];
}

const DAY_MS = 86_400_000;

/** What one source was like; undefined when nothing of it arrived. */
export function measureSource(
  source: string,
  activity: readonly LaneActivity[],
  { fromMs, toMs }: Period,
): MeasuredSource | undefined {
  const lanes = activity.filter((each) => each.source === source);
  const total = (name: keyof LaneActivity['counters']): number =>
    lanes.reduce((sum, { counters }) => sum + (counters[name] ?? 0), 0);
  const records = total('RecordsReceived');
  const rawBytes = total('BytesReceived') || total('BytesCommitted');
  if (records === 0 && rawBytes === 0) return undefined;
  const sinceMs = Math.max(fromMs, Math.min(...lanes.map((lane) => lane.firstMs ?? fromMs)));
  const days = Math.max(toMs - sinceMs, 1) / DAY_MS;
  const files = total('PartitionsWritten');
  const landed = total('RecordsLanded');
  const judged = landed + total('RecordsDuplicate') + total('RecordsQuarantined');
  // A source that lands in two lanes is as slow as the slower one.
  const latencies = lanes.flatMap(({ latency }) => latency ?? []);
  return {
    source,
    days,
    records,
    gbPerDay: rawBytes / 1e9 / days,
    recordBytes: ratio(rawBytes, records),
    recordsPerRequest: ratio(records, total('Requests')),
    frameCompression: ratio(rawBytes, total('BytesFramed')),
    parquetCompression: ratio(rawBytes, total('BytesLanded')),
    filesPerDay: files / days,
    bytesPerFile: ratio(total('BytesLanded'), files),
    duplicates: ratio(total('RecordsDuplicate'), judged),
    logGbPerDay: lanes.some(({ usage }) => usage === undefined)
      ? undefined
      : lanes.reduce((sum, { usage }) => sum + (usage?.cloudWatchLogGb ?? 0), 0) / days,
    latency:
      latencies.length === 0
        ? undefined
        : {
            p50Ms: Math.max(...latencies.map(({ p50Ms }) => p50Ms)),
            p99Ms: Math.max(...latencies.map(({ p99Ms }) => p99Ms)),
          },
  };
}

const ratio = (amount: number, per: number): number | undefined => (per > 0 ? amount / per : undefined);
