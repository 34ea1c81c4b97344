import { frameCompression } from '../../domain/plan/frame-compression.ts';
import type { StreamLoad } from '../../domain/plan/shards.ts';
import type { ReceivedSourceConfig, SourceConfig, StreamSourceConfig } from '../schema.ts';

/** What a source brings, as it was declared; what was not declared is assumed. */
export interface Traffic {
  readonly recordsPerSecond: number;
  readonly recordBytes: number;
  /** Records in one request, page or call. */
  readonly recordsPerRequest: number;
}

const DAY_SECONDS = 86_400;
/** What a record has where only the volume is declared. */
const ASSUMED_RECORD_BYTES = 1_000;
/** The client library sends after a second at the latest, and what is declared of a source may come from many senders. */
const CLIENT_DELAY_SECONDS = 1;
const ASSUMED_MOST_PER_REQUEST = 500;
const CLIENT_BATCH_BYTES = 1_000_000;
/** The size of a page of an HTTP API where nothing says another one. */
const ASSUMED_PAGE_RECORDS = 100;

/** What a source brings: records a second on average, their size, and how many come together. */
export function trafficOf(source: SourceConfig): Traffic {
  const { volume } = source;
  if (!('gbPerDay' in volume)) return withRequests(source, volume.recordsPerSecond, volume.recordBytes);
  const recordBytes = volume.recordBytes ?? ASSUMED_RECORD_BYTES;
  return withRequests(source, (volume.gbPerDay * 1e9) / DAY_SECONDS / recordBytes, recordBytes);
}

/** GB (1e9 bytes of raw JSON) a day. */
export function gbPerDayOf(source: SourceConfig): number {
  return (rawBytesPerSecond(source) * DAY_SECONDS) / 1e9;
}

/** Raw JSON a second, on average. */
export function rawBytesPerSecond(source: SourceConfig): number {
  const { recordsPerSecond, recordBytes } = trafficOf(source);
  return recordsPerSecond * recordBytes;
}

function withRequests(source: SourceConfig, recordsPerSecond: number, recordBytes: number): Traffic {
  return {
    recordsPerSecond,
    recordBytes,
    recordsPerRequest: recordsPerRequest(source, recordsPerSecond, recordBytes),
  };
}

function recordsPerRequest(source: SourceConfig, recordsPerSecond: number, recordBytes: number): number {
  switch (source.type) {
    case 'push':
      return (
        source.recordsPerRequest ??
        Math.max(
          1,
          Math.min(
            ASSUMED_MOST_PER_REQUEST,
            Math.floor(CLIENT_BATCH_BYTES / recordBytes),
            Math.floor(recordsPerSecond * CLIENT_DELAY_SECONDS),
          ),
        )
      );
    // A service sends each event by itself.
    case 'webhook':
    // Producers put records one by one; each is billed alone, however many are in a call.
    case 'stream':
      return 1;
    case 'http':
      return source.paginator !== undefined &&
        'size' in source.paginator &&
        typeof source.paginator.size === 'number'
        ? source.paginator.size
        : ASSUMED_PAGE_RECORDS;
    case 'files':
    case 'postgres':
    case 'mysql':
      return ASSUMED_PAGE_RECORDS;
  }
}

/** What a source puts on a stream: frames, one for each request, or the records themselves. */
export function streamLoadOf(source: ReceivedSourceConfig | StreamSourceConfig): StreamLoad {
  const { recordsPerSecond, recordBytes, recordsPerRequest: together } = trafficOf(source);
  const bytesPerSecond = recordsPerSecond * recordBytes;
  if (source.type === 'stream') return { bytesPerSecond, recordsPerSecond };
  return {
    bytesPerSecond: bytesPerSecond / frameCompression(together * recordBytes),
    recordsPerSecond: recordsPerSecond / together,
  };
}
