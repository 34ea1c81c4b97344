import type { LandingDesign } from './design.ts';
import { SECONDS_PER_MONTH } from './metering.ts';
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

/** Raw bytes of one commit, see lambdas/land. */
const MAX_COMMIT_BYTES = 256 * 1024 * 1024;
/** Names that one listing shows. */
const NAMES_PER_LIST = 1_000;
/** Frames that are read at a time. */
const PARALLEL_READS = 32;
/** Manifests that a run looks at again to see where the floor is. */
const MANIFEST_READS = 2;
/** A listing and a read of the ledger, as they are waited for. */
const LIST_MS = 50;
/** Metrics of a source that a run logs, and its line. */
const LOG_BYTES = 1_500;

/** Runs and commits of a source in a month. */
export interface LandingCommits {
  readonly runs: number;
  /** Runs that find something. */
  readonly busyRuns: number;
  readonly commits: number;
}

/** How many runs find something, and in how many commits they land it. */
export function landingCommits(workload: Workload, windowMinutes: number): LandingCommits {
  const { perMonth } = framesOf(workload);
  const runs = SECONDS_PER_MONTH / 60 / windowMinutes;
  const busyRuns = runs * (1 - Math.exp(-perMonth / runs));
  const commitsPerRun = Math.max(1, Math.ceil(workload.rawBytesPerMonth / busyRuns / MAX_COMMIT_BYTES));
  return { runs, busyRuns, commits: busyRuns * commitsPerRun };
}

/** Records over HTTP into S3, landed by schedule. */
export function modelLanding(workload: Workload, design: LandingDesign): ModelledUsage {
  const { speed } = workload;
  const { perMonth: frames } = framesOf(workload);
  const { runs, commits } = landingCommits(workload, design.windowMinutes);
  const rawBytes = workload.rawBytesPerMonth / commits;
  const files = workload.partitionsPerCommit;
  const framesPerCommit = frames / commits;
  const workMs =
    functionMs(landingCpuMs(workload, rawBytes, files), design.memoryMiB, speed) +
    speed.commitWaitMs +
    Math.ceil(framesPerCommit / PARALLEL_READS) * speed.s3PutMs;
  return {
    own: addUsage(
      edgeUsage(workload, design.edgeMemoryMiB, speed.s3PutMs),
      { s3Put: frames, s3Get: frames },
      times(
        commits,
        { lambdaArmGbSecond: invocations(1, workMs, design.memoryMiB).lambdaArmGbSecond ?? 0 },
        // A manifest, the files, and the listing: it is listed again after each commit.
        { s3Put: 1 + files + Math.ceil(framesPerCommit / NAMES_PER_LIST), s3Get: MANIFEST_READS },
        ledgerUsage(false),
        COUNT_USAGE,
      ),
      // Every run lists what there is, also where nothing is.
      times(
        runs,
        { s3Put: 1, dynamoReadUnit: 1, cloudWatchLogGb: LOG_BYTES / 1e9 },
        { lambdaArmGbSecond: invocations(1, LIST_MS, design.memoryMiB).lambdaArmGbSecond ?? 0 },
      ),
      claimedCommits(
        commits,
        { claims: claimsOf(workload, design.dedupe, rawBytes), writers: 1 },
        design.dedupeDays,
      ),
    ),
    shared: times(1 / design.sourcesPerRun, { schedulerInvocation: runs, lambdaRequest: runs }),
  };
}
