import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Table from 'cli-table3';
import color from 'picocolors';
import type { CaseOutput, Variant } from './consumer-case.ts';
import { writeFrameFile } from './frame-file.ts';
import { ask, endMeasuring, startMeasuring } from './measuring-process.ts';
import { describeMachine, median, rounded, verdict } from './report.ts';

const BATCH_SIZES = [500, 5_000, 50_000] as const;

/** What must hold, by records in a batch. */
const TARGETS: Readonly<Record<number, { ratioToParse: number } | undefined>> = {
  5_000: { ratioToParse: 0.5 },
  50_000: { ratioToParse: 0.65 },
};
const MAX_RSS_MB = 600;

/** The figures of one batch size. MB are 1e6 bytes of raw JSON, seconds are of CPU time (user and system). */
interface ConsumerCase {
  readonly records: number;
  readonly consumerMBps: number;
  readonly parseMBps: number;
  readonly parseValidateMBps: number;
  readonly ratioToParse: number;
  readonly rssMB: number;
}

export interface ConsumerBenchOptions {
  readonly json: boolean;
  /** Measurements per figure, at least 1. */
  readonly rounds: number;
}

const VARIANTS = ['consumer', 'parse', 'parseValidate'] as const satisfies readonly Variant[];
const WARM_UP_ROUNDS = 2;

/** Measures the variants in turn, each in its own process, so that what else the machine does hits all of them. */
async function measure(directory: string, records: number, rounds: number): Promise<ConsumerCase> {
  const framesPath = writeFrameFile(directory, records);
  const children = VARIANTS.map((variant) => ({
    variant,
    child: startMeasuring('consumer-case.ts', { variant, framesPath }),
  }));
  const speeds: Record<(typeof VARIANTS)[number], number[]> = { consumer: [], parse: [], parseValidate: [] };
  let rssMB = 0;
  try {
    for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
      for (const { variant, child } of children) {
        const { megabytesPerSecond, peakRssMB } = await ask<CaseOutput>(child);
        if (round >= 0) speeds[variant].push(megabytesPerSecond);
        if (variant === 'consumer') rssMB = peakRssMB;
      }
    }
  } finally {
    endMeasuring(children.map(({ child }) => child));
  }
  const parseMBps = median(speeds.parse);
  const consumerMBps = median(speeds.consumer);
  return {
    records,
    consumerMBps: rounded(consumerMBps, 1),
    parseMBps: rounded(parseMBps, 1),
    parseValidateMBps: rounded(median(speeds.parseValidate), 1),
    ratioToParse: rounded(consumerMBps / parseMBps, 3),
    rssMB: rounded(rssMB, 0),
  };
}

function toTable(cases: readonly ConsumerCase[]): string {
  const table = new Table({
    head: [
      'records',
      'consumer MB/s',
      'JSON.parse MB/s',
      'parse + Ajv MB/s',
      'x JSON.parse',
      'target',
      'peak MB',
    ],
    colAligns: ['right', 'right', 'right', 'right', 'right', 'right', 'right'],
    style: { head: [], border: [] },
  });
  for (const { records, consumerMBps, parseMBps, parseValidateMBps, ratioToParse, rssMB } of cases) {
    const target = TARGETS[records]?.ratioToParse;
    table.push([
      records.toLocaleString('en-US'),
      consumerMBps.toFixed(1),
      parseMBps.toFixed(1),
      parseValidateMBps.toFixed(1),
      verdict(target === undefined || ratioToParse >= target, ratioToParse.toFixed(2)),
      target === undefined ? '' : `≥ ${String(target)}`,
      verdict(rssMB <= MAX_RSS_MB, String(rssMB)),
    ]);
  }
  return table.toString();
}

/** Measures every batch size and prints a table, or one JSON object `{"cases": [...]}`. */
export async function benchConsumer({ json, rounds }: ConsumerBenchOptions): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'headgate-bench-'));
  try {
    const cases: ConsumerCase[] = [];
    for (const records of BATCH_SIZES) {
      if (!json) process.stderr.write(color.dim(`measuring batches of ${String(records)} records …\n`));
      cases.push(await measure(directory, records, rounds));
    }
    if (json) {
      console.log(JSON.stringify({ cases }));
      return;
    }
    console.log('\nFrames → claims → Parquet, in MB of raw JSON per CPU-second (medians; 1 MB = 1e6 bytes)');
    console.log(`${describeMachine()}\n`);
    console.log(toTable(cases));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
