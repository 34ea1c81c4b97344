import { framesOf } from '../../domain/cost/model-edge.ts';
import { SECONDS_PER_MONTH } from '../../domain/cost/metering.ts';
import { recordsPerMonth, workloadOf, type Workload } from '../../domain/cost/workload.ts';
import type { StreamLoad } from '../../domain/plan/shards.ts';
import type { SourceConfig } from '../schema.ts';

const DAY_SECONDS = 86_400;
/** What a record has where only the volume is declared. */
const ASSUMED_RECORD_BYTES = 1_000;
/** The client library sends after a second, a megabyte or a thousand records. */
const CLIENT_DELAY_SECONDS = 1;
const CLIENT_BATCH_BYTES = 1_000_000;
const ASSUMED_MOST_PER_REQUEST = 1_000;
/** A page of an HTTP API where the configuration names no size. */
const ASSUMED_PAGE_RECORDS = 100;
/** An object of a bucket; where a day brings less, it is one an hour. */
const ASSUMED_OBJECT_BYTES = 64e6;
const OBJECTS_PER_DAY = 24;
/** Where records have a time of their own, some of a commit belong to the hour (or day) before. */
const HOURS_PER_COMMIT = 1.1;
const DAYS_PER_COMMIT = 1.01;

/** A function of a source that is asked many times while one plan is made; sources are data that does not change. */
function once<Value>(compute: (source: SourceConfig) => Value): (source: SourceConfig) => Value {
  const known = new WeakMap<SourceConfig, { readonly value: Value }>();
  return (source) => {
    let found = known.get(source);
    if (found === undefined) known.set(source, (found = { value: compute(source) }));
    return found.value;
  };
}

/** What a source brings, as it was declared; what was not declared is assumed. */
export const toWorkload: (source: SourceConfig) => Workload = once((source) => {
  const { recordsPerSecond, recordBytes } = rateOf(source);
  const recordsPerRequest = togetherOf(source, recordsPerSecond, recordBytes);
  return workloadOf((recordsPerSecond * recordBytes * DAY_SECONDS) / 1e9, {
    recordBytes,
    recordsPerRequest,
    areRequestsCompressed: source.type !== 'webhook',
    // The client library names its requests, and services their deliveries.
    haveRequestsKeys: source.type === 'push' || source.type === 'webhook',
    partitionsPerCommit: partitionsOf(source),
  });
});

/** GB (1e9 bytes of raw JSON) a day. */
export function gbPerDayOf(source: SourceConfig): number {
  const { recordsPerSecond, recordBytes } = rateOf(source);
  return (recordsPerSecond * recordBytes * DAY_SECONDS) / 1e9;
}

/** What a source puts on a stream: frames, or the records themselves. */
export const streamLoadOf: (source: SourceConfig) => StreamLoad = once((source) => {
  const workload = toWorkload(source);
  if (source.type === 'stream') {
    const recordsPerSecond = recordsPerMonth(workload) / SECONDS_PER_MONTH;
    return { recordsPerSecond, bytesPerSecond: recordsPerSecond * workload.recordBytes };
  }
  const frames = framesOf(workload);
  const recordsPerSecond = frames.perMonth / SECONDS_PER_MONTH;
  return { recordsPerSecond, bytesPerSecond: recordsPerSecond * frames.bytes };
});

function rateOf({ volume }: SourceConfig): {
  readonly recordsPerSecond: number;
  readonly recordBytes: number;
} {
  if (!('gbPerDay' in volume)) return volume;
  const recordBytes = volume.recordBytes ?? ASSUMED_RECORD_BYTES;
  return { recordsPerSecond: (volume.gbPerDay * 1e9) / DAY_SECONDS / recordBytes, recordBytes };
}

/** How many records come together: in a request, a page, an object. */
function togetherOf(source: SourceConfig, recordsPerSecond: number, recordBytes: number): number {
  switch (source.type) {
    case 'push':
      return source.recordsPerRequest ?? clientBatch(recordsPerSecond, recordBytes);
    // A service sends each event by itself. Producers put records one by one: each is billed alone, however many are in
    // a call.
    case 'webhook':
    case 'stream':
      return 1;
    case 'http':
      return 'size' in source.paginator
        ? (source.paginator.size ?? ASSUMED_PAGE_RECORDS)
        : ASSUMED_PAGE_RECORDS;
    case 'files': {
      const bytesPerDay = recordsPerSecond * recordBytes * DAY_SECONDS;
      return Math.max(1, Math.min(ASSUMED_OBJECT_BYTES, bytesPerDay / OBJECTS_PER_DAY) / recordBytes);
    }
    case 'postgres':
    case 'mysql':
      return ASSUMED_PAGE_RECORDS;
  }
}

function clientBatch(recordsPerSecond: number, recordBytes: number): number {
  const most = Math.min(ASSUMED_MOST_PER_REQUEST, Math.floor(CLIENT_BATCH_BYTES / recordBytes));
  return Math.max(1, Math.min(most, Math.floor(recordsPerSecond * CLIENT_DELAY_SECONDS)));
}

function partitionsOf({ eventTime, partition }: SourceConfig): number {
  if (eventTime === undefined) return 1;
  return partition === 'hour' ? HOURS_PER_COMMIT : DAYS_PER_COMMIT;
}
