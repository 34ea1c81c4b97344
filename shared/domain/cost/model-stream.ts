import { planShards } from '../plan/shards.ts';
import type { StreamDesign } from './design.ts';
import {
  HOURS_PER_MONTH,
  kinesisOnDemandBytes,
  kinesisPutUnits,
  SECONDS_PER_MONTH,
  toBilledGb,
} from './metering.ts';
import { edgeUsage, framesOf, type FrameFlow } from './model-edge.ts';
import type { ModelledUsage } from './modelled-usage.ts';
import {
  claimedCommits,
  claimsOf,
  functionMs,
  invocations,
  landingCpuMs,
  COUNT_USAGE,
  ledgerUsage,
  times,
} from './model-work.ts';
import { addUsage, type Usage } from './usage.ts';
import { recordsPerMonth, type Workload } from './workload.ts';

/** Bytes of a partition key: the id of a frame. */
const PARTITION_KEY_BYTES = 40;
/** Lambda asks each shard once a second. */
const POLL_SECONDS = 1;
/** An invocation is given 6 MB, in which records are Base64. */
const MAX_BATCH_BYTES = 4.5e6;
/** Metrics of a source that a batch logs, most of it the distribution of latencies. */
const EMF_BYTES = 1_200;
const HOURS_KEPT_FREE = 24;

/** Batches of the consumer in a month. */
export interface StreamBatches {
  /** Batches of all shards. */
  readonly all: number;
  /** Those that have records of the source. */
  readonly own: number;
  /** Seconds between two batches of a shard. */
  readonly everySeconds: number;
}

/** Records through Kinesis: edge (if they are pushed), stream, consumer. */
export function modelStream(workload: Workload, design: StreamDesign): ModelledUsage {
  const flow = flowOf(workload, design);
  const { own, all } = streamBatches(workload, design);
  const { share } = design.capacity;
  const shards = design.capacity.mode === 'provisioned' ? design.capacity.shards : shardsFor(flow);
  const rawBytes = workload.rawBytesPerMonth / own;
  const files = workload.partitionsPerCommit;
  const { speed } = workload;
  const workMs = functionMs(landingCpuMs(workload, rawBytes, files), design.memoryMiB, speed);
  const edge =
    design.via === 'push' ? edgeUsage(workload, design.edgeMemoryMiB, speed.streamPutMs) : ({} as Usage);
  return {
    own: addUsage(
      edge,
      putUsage(flow, design),
      // The invocations themselves are shared by the sources of a batch.
      times(
        own,
        { lambdaArmGbSecond: invocations(1, workMs, design.memoryMiB).lambdaArmGbSecond ?? 0 },
        { s3Put: files, cloudWatchLogGb: EMF_BYTES / 1e9 },
        COUNT_USAGE,
      ),
      claimedCommits(
        own,
        { claims: claimsOf(workload, design.dedupe, rawBytes), writers: shards },
        design.dedupeDays,
      ),
    ),
    shared: addUsage(
      capacityUsage(design),
      times(all * share, ledgerUsage(true), invocations(1, speed.commitWaitMs, design.memoryMiB)),
    ),
  };
}

/** How many batches a month has: a window is collected from a record on, or until an invocation is full. */
export function streamBatches(workload: Workload, design: StreamDesign): StreamBatches {
  const flow = flowOf(workload, design);
  const { capacity } = design;
  const shards = capacity.mode === 'provisioned' ? capacity.shards : shardsFor(flow);
  const ownPerSecond = flow.perMonth / SECONDS_PER_MONTH / shards;
  const perSecond = ownPerSecond / capacity.share;
  const windowSeconds = Math.max(POLL_SECONDS, design.batchingWindowSeconds);
  const byTime = perSecond / (1 + perSecond * windowSeconds);
  const batchesPerSecond = Math.max(byTime, (perSecond * flow.bytes) / MAX_BATCH_BYTES);
  // Records of one source are among those of others by chance; the only source of a stream is in every batch.
  const part = capacity.share === 1 ? 1 : 1 - Math.exp(-ownPerSecond / batchesPerSecond);
  const all = batchesPerSecond * shards * SECONDS_PER_MONTH;
  return { all, own: all * part, everySeconds: 1 / batchesPerSecond };
}

function flowOf(workload: Workload, { via }: StreamDesign): FrameFlow {
  if (via === 'push') return framesOf(workload);
  const { recordBytes } = workload;
  return { perMonth: recordsPerMonth(workload), bytes: recordBytes, rawBytes: recordBytes };
}

/** Shards that a flow needs by itself. */
const shardsFor = ({ perMonth, bytes }: FrameFlow): number =>
  planShards({
    bytesPerSecond: (perMonth * bytes) / SECONDS_PER_MONTH,
    recordsPerSecond: perMonth / SECONDS_PER_MONTH,
  });

function putUsage({ perMonth, bytes }: FrameFlow, { capacity }: StreamDesign): Usage {
  const size = bytes + PARTITION_KEY_BYTES;
  if (capacity.mode === 'provisioned') return { kinesisPutUnit: perMonth * kinesisPutUnits(bytes) };
  const gb = toBilledGb(perMonth * kinesisOnDemandBytes(size));
  return { kinesisOnDemandGbIn: gb, kinesisOnDemandGbOut: gb };
}

function capacityUsage({ capacity }: StreamDesign): Usage {
  const { share } = capacity;
  if (capacity.mode === 'on-demand') return { kinesisOnDemandStreamHour: HOURS_PER_MONTH * share };
  const shardHours = capacity.shards * HOURS_PER_MONTH * share;
  return {
    kinesisShardHour: shardHours,
    ...(capacity.retentionHours > HOURS_KEPT_FREE && { kinesisExtendedShardHour: shardHours }),
  };
}
