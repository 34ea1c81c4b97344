import type { LaneActivity } from '../../shared/domain/cost/lane-activity.ts';
import { METERED_PRICES } from '../../shared/domain/cost/metered-prices.ts';
import { lambdaGbSeconds } from '../../shared/domain/cost/metering.ts';
import { CONNECT_MS, extractCommits } from '../../shared/domain/cost/model-extract.ts';
import { addUsage, amountsOf, scaleUsage, type Usage } from '../../shared/domain/cost/usage.ts';
import type { Workload, WorkSpeed } from '../../shared/domain/cost/workload.ts';
import { FUNCTION_SIZES, type FunctionName } from '../../shared/domain/plan/function-sizes.ts';
import type { Measurement } from './run-workloads.ts';

/** Memory with which a function has one vCPU. */
const ONE_VCPU_MIB = 1769;

/**
 * What a measured workload uses in a month, at another volume: what was metered, by the raw bytes of it; what a run that
 * finds nothing uses, by the number of runs. The time of the functions is their CPU time, as it would be on the model's core
 * and then at the speed of a vCPU of Lambda, and what they wait for stores, which the emulator says nothing about: as the
 * model assumes it. What stands and
 * waits is the model's as well.
 *
 * @param modelled what the model says that the month uses
 * @param runsPerMonth scheduled runs; 0 where functions are started by what is brought
 */
export function scaleMeasurement(
  { full, empty, machineSpeed }: Measurement,
  workload: Workload,
  modelled: Usage,
  runsPerMonth: number,
): Usage {
  const { speed, rawBytesPerMonth } = workload;
  const rawBytes = rawBytesOf(full);
  if (rawBytes === 0) throw new Error('nothing was metered');
  const all = usageOf(full, speed, machineSpeed);
  const base = usageOf(empty, speed, machineSpeed);
  const brought = scaleUsage(addUsage(all, scaleUsage(base, -1)), rawBytesPerMonth / rawBytes);
  return addUsage(brought, scaleUsage(base, runsPerMonth), standingOf(modelled));
}

/** Raw bytes that a measurement brought. */
export function rawBytesOf(lanes: readonly LaneActivity[]): number {
  return lanes.reduce((sum, { counters }) => sum + (counters.BytesReceived ?? 0), 0);
}

/** What was metered, with the time of functions as it would be in Lambda. */
function usageOf(lanes: readonly LaneActivity[], speed: WorkSpeed, machineSpeed: number): Usage {
  return addUsage(
    ...lanes.map((activity) => {
      const { memoryMiB } = FUNCTION_SIZES[activity.lane as FunctionName];
      const vcpu = Math.min(1, memoryMiB / ONE_VCPU_MIB) * speed.vcpu;
      const ms = ((activity.cpuMs ?? 0) * machineSpeed) / vcpu + waitMs(activity, speed);
      return { ...activity.usage, lambdaArmGbSecond: lambdaGbSeconds(ms, memoryMiB) };
    }),
  );
}

const PARALLEL_READS = 32;

function waitMs({ lane, usage = {}, counters }: LaneActivity, speed: WorkSpeed): number {
  const runs = usage.lambdaRequest ?? 0;
  switch (lane) {
    case 'push': {
      const putMs = usage.kinesisPutUnit === undefined ? speed.s3PutMs : speed.streamPutMs;
      return runs * (putMs + 2 * speed.dynamoMs);
    }
    case 'land':
      return runs * speed.commitWaitMs + ((usage.s3Get ?? 0) / PARALLEL_READS) * speed.s3PutMs;
    case 'extract': {
      const commits = extractCommits(counters.BytesReceived ?? 0);
      return runs * CONNECT_MS + commits * speed.commitWaitMs;
    }
    default:
      return runs * speed.commitWaitMs;
  }
}

/** What functions do not meter, as it is billed by time. */
function standingOf(usage: Usage): Usage {
  const metered: readonly string[] = METERED_PRICES;
  return Object.fromEntries(amountsOf(usage).filter(([price]) => !metered.includes(price)));
}
