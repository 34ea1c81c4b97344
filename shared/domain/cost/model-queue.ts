import type { QueueDesign } from './design.ts';
import { SECONDS_PER_MONTH, SQS_IDLE_POLLS_PER_MONTH, sqsRequests } from './metering.ts';
import { edgeUsage, framesOf } from './model-edge.ts';
import type { ModelledUsage } from './modelled-usage.ts';
import {
  COUNT_USAGE,
  claimedCommits,
  claimsOf,
  functionMs,
  invocations,
  landingCpuMs,
  ledgerUsage,
  times,
} from './model-work.ts';
import { addUsage } from './usage.ts';
import type { Workload } from './workload.ts';

/** Frames are text in a message. */
const BASE64 = 4 / 3;
/** An invocation is given 6 MB. */
const MAX_BATCH_BYTES = 4.5e6;
/** Messages that one call deletes. */
const DELETES_PER_CALL = 10;

/** Frames through a queue. Headgate does not have it; priced for comparison. */
export function modelQueue(workload: Workload, design: QueueDesign): ModelledUsage {
  const { speed } = workload;
  const flow = framesOf(workload);
  const perSecond = flow.perMonth / SECONDS_PER_MONTH;
  const byTime = perSecond / (1 + perSecond * design.batchingWindowSeconds);
  const batches = Math.max(byTime, (perSecond * flow.bytes) / MAX_BATCH_BYTES) * SECONDS_PER_MONTH;
  const rawBytes = workload.rawBytesPerMonth / batches;
  const files = workload.partitionsPerCommit;
  const workMs = functionMs(landingCpuMs(workload, rawBytes, files), design.memoryMiB, speed);
  const chunks = sqsRequests(flow.bytes * BASE64);
  return {
    own: addUsage(
      edgeUsage(workload, design.edgeMemoryMiB, speed.streamPutMs),
      // Sent, received, deleted.
      { sqsRequest: flow.perMonth * (2 * chunks + 1 / DELETES_PER_CALL) },
      times(
        batches,
        invocations(1, workMs + speed.commitWaitMs, design.memoryMiB),
        { s3Put: files },
        ledgerUsage(true),
        COUNT_USAGE,
      ),
      claimedCommits(
        batches,
        { claims: claimsOf(workload, design.dedupe, rawBytes), writers: 1 },
        design.dedupeDays,
      ),
    ),
    shared: { sqsRequest: SQS_IDLE_POLLS_PER_MONTH },
  };
}
