import type {
  Design,
  ExtractDesign,
  LandingDesign,
  PullDesign,
  StreamDesign,
} from '../../domain/cost/design.ts';
import { FUNCTION_SIZES } from '../../domain/plan/function-sizes.ts';
import type {
  PulledSourceConfig,
  ReceivedSourceConfig,
  SourceConfig,
  StreamSourceConfig,
} from '../schema.ts';
import { toMs } from '../units.ts';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/** A place on a stream. */
export interface StreamPlace {
  readonly shards: number;
  /** The part of what is on the stream that is the source's, 0 to 1. */
  readonly share: number;
  readonly retentionHours: number;
  readonly batchingWindowSeconds: number;
}

/** A source on a stream. */
export function toStreamDesign(
  source: ReceivedSourceConfig | StreamSourceConfig,
  { shards, share, retentionHours, batchingWindowSeconds }: StreamPlace,
): StreamDesign {
  return {
    kind: 'stream',
    pattern: 'stream',
    via: source.type === 'stream' ? 'producer' : 'push',
    capacity: { mode: 'provisioned', shards, share, retentionHours },
    batchingWindowSeconds,
    edgeMemoryMiB: FUNCTION_SIZES.push.memoryMiB,
    memoryMiB: FUNCTION_SIZES.stream.memoryMiB,
    ...dedupeOf(source),
  };
}

/** A source in the landing zone. */
export function toLandingDesign(
  source: ReceivedSourceConfig,
  windowMinutes: number,
  sourcesPerRun: number,
): LandingDesign {
  return {
    kind: 'landing',
    pattern: 'micro-batch',
    windowMinutes,
    sourcesPerRun,
    edgeMemoryMiB: FUNCTION_SIZES.push.memoryMiB,
    memoryMiB: FUNCTION_SIZES.land.memoryMiB,
    ...dedupeOf(source),
  };
}

/** A source that is read so often. */
export function toPulledDesign(source: PulledSourceConfig, everyMinutes: number): PullDesign | ExtractDesign {
  if (source.type === 'http' || source.type === 'files') {
    return {
      kind: 'pull',
      pattern: 'batch',
      reads: source.type,
      everyMinutes,
      memoryMiB: FUNCTION_SIZES.pull.memoryMiB,
      ...dedupeOf(source),
    };
  }
  const lookbackMs = source.incremental?.lookback === undefined ? 0 : toMs(source.incremental.lookback);
  return {
    kind: 'extract',
    pattern:
      source.changeLog !== undefined
        ? 'trigger-cdc'
        : source.incremental !== undefined
          ? 'query-cdc'
          : 'batch',
    everyMinutes,
    readsPerRow: 1 + lookbackMs / (everyMinutes * MINUTE_MS),
    // Headgate makes no NAT gateway, and needs none: see `findTraps` for networks that may have one.
    needsNat: false,
    memoryMiB: FUNCTION_SIZES.extract.memoryMiB,
    ...dedupeOf(source),
  };
}

/** What is claimed: rows that are read by position are landed once without it. */
function dedupeOf(source: SourceConfig): Pick<Design, 'dedupe' | 'dedupeDays'> {
  const isByPosition =
    (source.type === 'postgres' || source.type === 'mysql') && source.incremental?.lookback === undefined;
  return { dedupe: isByPosition ? 'none' : source.dedupe, dedupeDays: toMs(source.dedupeWindow) / DAY_MS };
}
