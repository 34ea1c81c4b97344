import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Table from 'cli-table3';
import color from 'picocolors';
import { planEventSource } from '../shared/domain/plan/event-source.ts';
import { FUNCTION_SIZES } from '../shared/domain/plan/function-sizes.ts';
import type { CaseOutput, Variant } from './consumer-case.ts';
import { readFrame } from '../shared/domain/frame.ts';
import { readFrameFile, writeFrameFile } from './frame-file.ts';
import { ask, endMeasuring, startMeasuring } from './measuring-process.ts';
import { describeMachine, median, rounded, verdict } from './report.ts';
import { simulateDrain, type Drain } from './simulate-drain.ts';

const HOUR_SECONDS = 3600;

/** What is assumed and not measured. */
const ASSUMPTIONS = {
  outageSeconds: HOUR_SECONDS,
  /** A shard takes this much, or 1,000 records a second. */
  shardWriteMBps: 1,
  shardWriteRecordsPerSecond: 1000,
  /** A shard gives its consumers this much together: up to 10 MB in one of 5 calls a second, then none for 5 s. */
  shardReadMBps: 2,
  /** An invocation is given 6 MB of event, in which records are Base64. */
  maxEventMB: 6,
  maxRecords: planEventSource(60_000, HOUR_SECONDS * 1000).batchSize,
  /** Memory of the function; 1769 MiB are one vCPU. */
  memoryMiB: FUNCTION_SIZES.stream.memoryMiB,
  /** How fast that vCPU is compared to a core of the machine that measures. */
  vcpuSpeed: 0.5,
  /** What claims and ledger in DynamoDB make of the CPU time where eight shards share a bucket: the overhead benchmark. */
  storesCpuRatio: 1.65,
  /** Eight storage calls one after the other, and the invocation itself. */
  waitSecondsPerBatch: 0.25,
  /** How long the function holds an attempt that fails because of a store. */
  firstAttemptSeconds: 30,
} as const;
const BASE64 = 4 / 3;
const WARM_UP_ROUNDS = 2;

/** What must hold for a full shard, whatever the stream lets through. */
const MIN_ENGINE_RATIO = 3;

const ARRIVALS = [
  { arrival: 'frames', variant: 'consumer' },
  { arrival: 'plain JSON', variant: 'plainConsumer' },
] as const satisfies readonly { readonly arrival: string; readonly variant: Variant }[];
const UTILISATIONS = [1, 0.6] as const;

/** What the records are, and what landing them takes. */
interface Measured {
  /** MB of one record on the stream. */
  readonly recordMB: number;
  /** MB of raw JSON per MB on the stream. */
  readonly rawPerStreamMB: number;
  /** MB of raw JSON per second of CPU time. */
  readonly rawMBps: number;
  /** MB on the stream in one invocation. */
  readonly batchMB: number;
}

/** The figures of one shard. MB are 1e6 bytes on the stream. */
interface DrainCase {
  readonly arrival: (typeof ARRIVALS)[number]['arrival'];
  /** Share of what the shard can take. */
  readonly utilisation: number;
  readonly arrivalMBps: number;
  /** MB of raw JSON per second of CPU time, measured. */
  readonly rawMBpsOfCpu: number;
  readonly batchMB: number;
  /** What the consumer could land while it drains, if the stream gave it everything at once, and that over what arrives. */
  readonly engineMBps: number;
  readonly engineRatio: number;
  /** The same with what the stream lets one consumer read. */
  readonly drainMBps: number;
  readonly drainRatio: number;
  /** Until the backlog of the outage is landed. */
  readonly drainMinutes: number;
}

export interface DrainBenchOptions {
  readonly json: boolean;
  /** Measurements per figure, at least 1. */
  readonly rounds: number;
}

/** How large a record is: raw, and on the stream. */
function recordSizes(
  directory: string,
  isFramed: boolean,
): { readonly rawMB: number; readonly recordMB: number } {
  const records = 5_000;
  const path = writeFrameFile(directory, records);
  const rawBytes = readFrameFile(path).reduce((sum, data) => sum + readFrame(data).payload.length, 0);
  const rawMB = rawBytes / 1e6 / records;
  return { rawMB, recordMB: isFramed ? statSync(path).size / 1e6 / records : rawMB };
}

async function measure(
  directory: string,
  variant: (typeof ARRIVALS)[number]['variant'],
  rounds: number,
): Promise<Measured> {
  const isFramed = variant === 'consumer';
  const { rawMB, recordMB } = recordSizes(directory, isFramed);
  const fitting = Math.floor(ASSUMPTIONS.maxEventMB / BASE64 / recordMB);
  const records = isFramed ? fitting : Math.min(fitting, ASSUMPTIONS.maxRecords);
  const child = startMeasuring('consumer-case.ts', {
    variant,
    framesPath: writeFrameFile(directory, records),
  });
  const speeds: number[] = [];
  try {
    for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
      const { megabytesPerSecond } = await ask<CaseOutput>(child);
      if (round >= 0) speeds.push(megabytesPerSecond);
    }
  } finally {
    endMeasuring([child]);
  }
  return {
    recordMB,
    rawPerStreamMB: rawMB / recordMB,
    rawMBps: median(speeds),
    batchMB: records * recordMB,
  };
}

function toCase(
  { arrival, variant }: (typeof ARRIVALS)[number],
  utilisation: number,
  { recordMB, rawPerStreamMB, rawMBps, batchMB }: Measured,
): DrainCase {
  const { shardWriteMBps, shardWriteRecordsPerSecond, shardReadMBps, waitSecondsPerBatch } = ASSUMPTIONS;
  const fullMBps =
    variant === 'consumer' ? shardWriteMBps : Math.min(shardWriteMBps, shardWriteRecordsPerSecond * recordMB);
  const arrivalMBps = fullMBps * utilisation;
  const cpuSecondsPerMB = (rawPerStreamMB / (rawMBps * ASSUMPTIONS.vcpuSpeed)) * ASSUMPTIONS.storesCpuRatio;
  const drain = (readMBps: number): Drain => {
    const drained = simulateDrain({
      arrivalMBps,
      outageSeconds: ASSUMPTIONS.outageSeconds,
      firstAttemptSeconds: ASSUMPTIONS.firstAttemptSeconds,
      readMBps,
      maxBatchMB: batchMB,
      secondsOf: (megabytes) => waitSecondsPerBatch + megabytes * cpuSecondsPerMB,
    });
    if (drained === undefined) throw new Error(`a shard of ${arrival} never catches up`);
    return drained;
  };
  const engine = drain(Infinity);
  const limited = drain(shardReadMBps);
  return {
    arrival,
    utilisation,
    arrivalMBps: rounded(arrivalMBps, 3),
    rawMBpsOfCpu: rounded(rawMBps, 1),
    batchMB: rounded(batchMB, 2),
    engineMBps: rounded(engine.landedMBps, 2),
    engineRatio: rounded(engine.landedMBps / arrivalMBps, 2),
    drainMBps: rounded(limited.landedMBps, 2),
    drainRatio: rounded(limited.landedMBps / arrivalMBps, 2),
    drainMinutes: rounded(limited.seconds / 60, 1),
  };
}

const isGood = ({ engineRatio }: DrainCase): boolean => engineRatio >= MIN_ENGINE_RATIO;

function toTable(cases: readonly DrainCase[]): string {
  const table = new Table({
    head: ['arrival', 'shard', 'MB/s', 'engine MB/s', 'x arrival', 'read limit MB/s', 'x arrival', 'minutes'],
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right', 'right', 'right'],
    style: { head: [], border: [] },
  });
  for (const figures of cases) {
    table.push([
      figures.arrival,
      `${String(figures.utilisation * 100)} %`,
      figures.arrivalMBps.toFixed(2),
      figures.engineMBps.toFixed(1),
      verdict(isGood(figures), figures.engineRatio.toFixed(1)),
      figures.drainMBps.toFixed(2),
      figures.drainRatio.toFixed(1),
      figures.drainMinutes.toFixed(0),
    ]);
  }
  return table.toString();
}

/**
 * How a shard's backlog drains after its sink was down for an hour: the consumer is measured, the hour and the drain run
 * on a simulated clock. Prints a table, or one JSON object `{"assumptions": {...}, "cases": [...]}`.
 *
 * @returns whether the engine lands at least three times what a full shard brings
 */
export async function benchDrain({ json, rounds }: DrainBenchOptions): Promise<boolean> {
  const directory = mkdtempSync(join(tmpdir(), 'headgate-bench-'));
  try {
    const cases: DrainCase[] = [];
    for (const kind of ARRIVALS) {
      if (!json) process.stderr.write(color.dim(`measuring batches of ${kind.arrival} …\n`));
      const measured = await measure(directory, kind.variant, rounds);
      for (const utilisation of UTILISATIONS) cases.push(toCase(kind, utilisation, measured));
    }
    if (json) {
      console.log(JSON.stringify({ assumptions: ASSUMPTIONS, cases }));
    } else {
      console.log('\nOne shard after an outage of one hour; MB are 1e6 bytes on the stream');
      console.log(`${describeMachine()}; a vCPU counts as ${String(ASSUMPTIONS.vcpuSpeed)} of its cores\n`);
      console.log(toTable(cases));
    }
    return cases.every(isGood);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
