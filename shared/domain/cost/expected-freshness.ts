import type { Design } from './design.ts';
import { landingCommits } from './model-landing.ts';
import { extractCommits } from './model-extract.ts';
import { decodeMs } from './model-log.ts';
import { commitsPerRun, runsPerMonth } from './model-pull.ts';
import { streamBatches } from './model-stream.ts';
import { functionMs, landingCpuMs } from './model-work.ts';
import type { Workload } from './workload.ts';

/** How old a record is when it is in the lake, from when it was received or could be read. */
export interface ExpectedFreshness {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** What a record waits for. */
interface Waits {
  /** Until the window that it falls into ends. */
  readonly windowMs: number;
  /** Until what has come in the window is landed, in so many commits. */
  readonly workMs: number;
  readonly commits: number;
}

const MINUTE_MS = 60_000;
/** Lambda asks a shard once a second. */
const POLL_MS = 1_000;
/** Calls to stores, and cold starts, sometimes take this much longer than they do on average. */
const SLOW_MS = 1_000;

/**
 * How fresh the lake is in a design: records wait for the end of the window that they fall into, half of it on average,
 * and then until they are landed, commit by commit.
 */
export function expectedFreshness(workload: Workload, design: Design): ExpectedFreshness {
  const { windowMs, workMs, commits } = waitsOf(workload, design);
  return {
    p50Ms: Math.round((windowMs + workMs + workMs / commits) / 2),
    p99Ms: Math.round(windowMs * 0.99 + workMs + SLOW_MS),
  };
}

function waitsOf(workload: Workload, design: Design): Waits {
  const { speed } = workload;
  /** Landing of so many bytes in so many commits, after so much other work. */
  const work = (rawBytes: number, commits: number, otherCpuMs = 0): Pick<Waits, 'workMs' | 'commits'> => {
    const files = commits * workload.partitionsPerCommit;
    const cpuMs = otherCpuMs + landingCpuMs(workload, rawBytes, files);
    return { workMs: functionMs(cpuMs, design.memoryMiB, speed) + commits * speed.commitWaitMs, commits };
  };
  switch (design.kind) {
    case 'stream': {
      const { own, everySeconds } = streamBatches(workload, design);
      const windowMs = POLL_MS + Math.min(design.batchingWindowSeconds, everySeconds) * 1000;
      return { windowMs, ...work(workload.rawBytesPerMonth / own, 1) };
    }
    case 'queue':
      return { windowMs: design.batchingWindowSeconds * 1000, ...work(0, 1) };
    case 'landing': {
      const { busyRuns, commits } = landingCommits(workload, design.windowMinutes);
      return {
        windowMs: design.windowMinutes * MINUTE_MS,
        ...work(workload.rawBytesPerMonth / busyRuns, commits / busyRuns),
      };
    }
    case 'pull': {
      const rawBytes = workload.rawBytesPerMonth / runsPerMonth(design.everyMinutes);
      const checkMs = (rawBytes / 1e6) * speed.edgeMsPerMb;
      return {
        windowMs: design.everyMinutes * MINUTE_MS,
        ...work(rawBytes, commitsPerRun(rawBytes), checkMs),
      };
    }
    case 'log-slice': {
      const rawBytes = workload.rawBytesPerMonth / runsPerMonth(design.everyMinutes);
      return {
        windowMs: design.everyMinutes * MINUTE_MS,
        ...work(rawBytes, commitsPerRun(rawBytes), decodeMs(rawBytes)),
      };
    }
    case 'extract': {
      // Rows go straight into files: reading and writing were measured together.
      const rawBytes = (workload.rawBytesPerMonth * design.readsPerRow) / runsPerMonth(design.everyMinutes);
      const commits = extractCommits(rawBytes);
      const readMs = functionMs((rawBytes / 1e6) * speed.extractMsPerMb, design.memoryMiB, speed);
      return {
        windowMs: design.everyMinutes * MINUTE_MS,
        workMs: readMs + commits * speed.commitWaitMs,
        commits,
      };
    }
    case 'log-task':
      return { windowMs: design.windowSeconds * 1000, workMs: speed.commitWaitMs, commits: 1 };
  }
}
