import type { ExtractDesign } from './design.ts';
import { HOURS_PER_MONTH, toBilledGb } from './metering.ts';
import { runsPerMonth, runUsage } from './model-pull.ts';
import type { ModelledUsage } from './modelled-usage.ts';
import { claimedCommits, claimsOf, COUNT_USAGE, functionMs, ledgerUsage, times } from './model-work.ts';
import { addUsage, type Usage } from './usage.ts';
import type { Workload } from './workload.ts';

/** Opening a connection with TLS, and asking for the horizon. */
export const CONNECT_MS = 300;
/** The item of a lane with two positions of a table and an intent is larger than a kilobyte: it was metered as two. */
const LEDGER_UNITS = 2;
/** Rows of one commit, see table-reader.ts. */
const MAX_COMMIT_BYTES = 40 * 1024 * 1024;

/** Commits of a run that reads so many bytes of rows. */
export const extractCommits = (rawBytes: number): number =>
  Math.max(1, Math.ceil(rawBytes / MAX_COMMIT_BYTES));

/** Rows of a database, read on a schedule. */
export function modelExtract(workload: Workload, design: ExtractDesign): ModelledUsage {
  const { speed } = workload;
  const runs = runsPerMonth(design.everyMinutes);
  const readBytes = (workload.rawBytesPerMonth * design.readsPerRow) / runs;
  const commits = extractCommits(readBytes);
  const files = commits * workload.partitionsPerCommit;
  const cpuMs = (readBytes / 1e6) * speed.extractMsPerMb;
  const ms = functionMs(cpuMs, design.memoryMiB, speed) + CONNECT_MS + commits * speed.commitWaitMs;
  // Whole tables are staged as files, decided, and then put into the lake.
  const staged: Usage = design.pattern === 'batch' ? { s3Put: files + commits, s3Get: files + commits } : {};
  return {
    own: addUsage(
      times(
        runs,
        runUsage(design.memoryMiB, ms),
        { s3Put: files },
        staged,
        times(commits * LEDGER_UNITS, ledgerUsage(false)),
        times(commits, COUNT_USAGE),
      ),
      claimedCommits(
        runs * commits,
        { claims: claimsOf(workload, design.dedupe, readBytes / commits), writers: 1 },
        design.dedupeDays,
      ),
      design.needsNat
        ? {
            natHour: HOURS_PER_MONTH,
            natGb: toBilledGb(workload.rawBytesPerMonth / workload.parquetCompression),
          }
        : {},
    ),
    shared: {},
  };
}
