import type { LogSliceDesign, LogTaskDesign } from './design.ts';
import { HOURS_PER_MONTH, SECONDS_PER_MONTH } from './metering.ts';
import { commitsPerRun, runsPerMonth, runUsage } from './model-pull.ts';
import type { ModelledUsage } from './modelled-usage.ts';
import { COUNT_USAGE, functionMs, landingCpuMs, ledgerUsage, times } from './model-work.ts';
import { addUsage } from './usage.ts';
import type { Workload } from './workload.ts';

/** Opening a replication connection, and looking where the slot stands. */
const CONNECT_MS = 500;
/** CPU time of decoding pgoutput: 244,000 changes of some 200 bytes a second were measured on one core. */
const DECODE_MS_PER_MB = 20;
/** Memory of a task for each of its vCPUs. */
const TASK_GB_PER_VCPU = 2;

/** CPU time of decoding so many bytes of a log, in ms. */
export const decodeMs = (rawBytes: number): number => (rawBytes / 1e6) * DECODE_MS_PER_MB;

/** A database's log, read in slices. Headgate does not have it yet; priced for comparison. */
export function modelLogSlice(workload: Workload, design: LogSliceDesign): ModelledUsage {
  const { speed } = workload;
  const runs = runsPerMonth(design.everyMinutes);
  const rawBytes = workload.rawBytesPerMonth / runs;
  const commits = commitsPerRun(rawBytes);
  const files = commits * workload.partitionsPerCommit;
  const cpuMs = decodeMs(rawBytes) + landingCpuMs(workload, rawBytes, files);
  const ms = functionMs(cpuMs, design.memoryMiB, speed) + CONNECT_MS + commits * speed.commitWaitMs;
  return {
    own: times(
      runs,
      runUsage(design.memoryMiB, ms),
      { s3Put: files },
      times(commits, ledgerUsage(false), COUNT_USAGE),
    ),
    shared: {},
  };
}

/** A database's log, followed by a task. Headgate does not have it; priced for comparison. */
export function modelLogTask(workload: Workload, design: LogTaskDesign): ModelledUsage {
  const commits = SECONDS_PER_MONTH / design.windowSeconds;
  const hours = HOURS_PER_MONTH * design.vcpu;
  return {
    own: addUsage(
      { fargateArmCpuHour: hours, fargateArmGbHour: hours * TASK_GB_PER_VCPU },
      times(commits, ledgerUsage(false), COUNT_USAGE, { s3Put: workload.partitionsPerCommit }),
    ),
    shared: {},
  };
}
