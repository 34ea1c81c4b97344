import type { Design } from './design.ts';
import { functionMs, landingCpuMs } from './model-work.ts';
import { landingCommits } from './model-landing.ts';
import { runsPerMonth } from './model-pull.ts';
import { streamBatches } from './model-stream.ts';
import type { Workload } from './workload.ts';

/** How old a record is when it is in the lake, from when it was received or could be read. */
export interface ExpectedFreshness {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const MINUTE_MS = 60_000;
/** Lambda asks a shard once a second. */
const POLL_MS = 1_000;
/** A slow batch takes this many times what one takes on average. */
const SLOW = 2;

/**
 * How fresh the lake is in a design: records wait until the window that they fall into ends, which is half of it on
 * average, and then until they are landed.
 */
export function expectedFreshness(workload: Workload, design: Design): ExpectedFreshness {
  const { windowMs, workMs } = timesOf(workload, design);
  return { p50Ms: Math.round(windowMs / 2 + workMs), p99Ms: Math.round(windowMs * 0.99 + SLOW * workMs) };
}

function timesOf(workload: Workload, design: Design): { readonly windowMs: number; readonly workMs: number } {
  const { speed } = workload;
  const landMs = (rawBytes: number, memoryMiB: number): number =>
    functionMs(landingCpuMs(workload, rawBytes, workload.partitionsPerCommit), memoryMiB, speed) +
    speed.commitWaitMs;
  switch (design.kind) {
    case 'stream': {
      const { own, everySeconds } = streamBatches(workload, design);
      const windowMs = Math.min(design.batchingWindowSeconds, everySeconds) * 1000;
      return { windowMs, workMs: POLL_MS / 2 + landMs(workload.rawBytesPerMonth / own, design.memoryMiB) };
    }
    case 'queue':
      return {
        windowMs: design.batchingWindowSeconds * 1000,
        workMs: landMs(0, design.memoryMiB),
      };
    case 'landing': {
      const { commits } = landingCommits(workload, design.windowMinutes);
      return {
        windowMs: design.windowMinutes * MINUTE_MS,
        workMs: landMs(workload.rawBytesPerMonth / commits, design.memoryMiB),
      };
    }
    case 'pull':
    case 'extract':
    case 'log-slice': {
      const reads = design.kind === 'extract' ? design.readsPerRow : 1;
      const rawBytes = (workload.rawBytesPerMonth * reads) / runsPerMonth(design.everyMinutes);
      const readMs = functionMs((rawBytes / 1e6) * speed.extractMsPerMb, design.memoryMiB, speed);
      return {
        windowMs: design.everyMinutes * MINUTE_MS,
        workMs: readMs + landMs(rawBytes, design.memoryMiB),
      };
    }
    case 'log-task':
      return { windowMs: design.windowSeconds * 1000, workMs: speed.commitWaitMs };
  }
}
