import type { PullDesign } from './design.ts';
import { SECONDS_PER_MONTH } from './metering.ts';
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
import { addUsage, type Usage } from './usage.ts';
import { recordsPerMonth, type Workload } from './workload.ts';

/** Raw bytes of one commit, see land.ts. */
const MAX_COMMIT_BYTES = 64 * 1024 * 1024;
/** What a page of an API is waited for. */
const PAGE_MS = 200;
/** The line and the metrics of a run. */
const LOG_BYTES = 2_000;
/** Names that one listing shows. */
const NAMES_PER_LIST = 1_000;

/** Runs of a month that come so often. */
export const runsPerMonth = (everyMinutes: number): number => SECONDS_PER_MONTH / 60 / everyMinutes;

/** Commits of a run that reads so many bytes. */
export const commitsPerRun = (rawBytes: number): number =>
  Math.max(1, Math.ceil(rawBytes / MAX_COMMIT_BYTES));

/** What each scheduled run does, whatever it finds: its schedule, who holds the source, the ledger, and a note. */
export function runUsage(memoryMiB: number, ms: number): Usage {
  return addUsage(invocations(1, ms, memoryMiB), {
    schedulerInvocation: 1,
    // Control before and after, ledger at the beginning; strongly consistent.
    dynamoReadUnit: 3,
    dynamoWriteUnit: 1,
    cloudWatchLogGb: LOG_BYTES / 1e9,
  });
}

/** Pages of an API, or objects, read on a schedule: checked like pushed records, staged, claimed and landed. */
export function modelPull(workload: Workload, design: PullDesign): ModelledUsage {
  const { speed, recordsPerRequest } = workload;
  const runs = runsPerMonth(design.everyMinutes);
  const rawBytes = workload.rawBytesPerMonth / runs;
  const commits = commitsPerRun(rawBytes);
  const pages = recordsPerMonth(workload) / recordsPerRequest / runs;
  const files = commits * workload.partitionsPerCommit;
  const cpuMs = (rawBytes / 1e6) * speed.edgeMsPerMb + landingCpuMs(workload, rawBytes, files);
  const waitMs = pages * (design.reads === 'http' ? PAGE_MS : speed.s3PutMs) + commits * speed.commitWaitMs;
  const ms = functionMs(cpuMs, design.memoryMiB, speed) + waitMs;
  const objects: Usage =
    design.reads === 'files'
      ? { s3Get: pages, s3Put: 1 + Math.ceil(pages / NAMES_PER_LIST) + commits }
      : { s3Put: commits };
  return {
    own: addUsage(
      times(
        runs,
        runUsage(design.memoryMiB, ms),
        objects,
        { s3Put: files, s3Get: 1 },
        times(commits, ledgerUsage(false), COUNT_USAGE),
      ),
      claimedCommits(
        runs * commits,
        { claims: claimsOf(workload, design.dedupe, rawBytes / commits), writers: 1 },
        design.dedupeDays,
      ),
    ),
    shared: {},
  };
}
