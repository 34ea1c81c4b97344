import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Table from 'cli-table3';
import color from 'picocolors';
import { NODE_OPTIONS } from '../shared/config/node-options.ts';
import { writeFrame, type FrameRecord } from '../shared/domain/frame.ts';
import type { CaseInput, CaseOutput, Variant } from './consumer-case.ts';
import { shopSource, toShopEvents } from './shop-events.ts';

const CASE_FILE = fileURLToPath(new URL('consumer-case.ts', import.meta.url));
const BATCH_SIZES = [500, 5_000, 50_000] as const;
/** Records of one frame: a usual push request. */
const RECORDS_PER_FRAME = 500;
const RECEIVED_AT_MS = Date.UTC(2026, 2, 1, 1);

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

function toFrameFile(directory: string, records: number): string {
  const source = shopSource();
  const events = toShopEvents(records);
  const parts: Buffer[] = [];
  for (let at = 0; at < events.length; at += RECORDS_PER_FRAME) {
    const checked = events.slice(at, at + RECORDS_PER_FRAME).map((event): FrameRecord => {
      const result = source.check(event, RECEIVED_AT_MS);
      if (result.status !== 'accepted') throw new Error(`a generated event is ${result.status}`);
      return result.record;
    });
    const header = {
      source: source.name,
      frameId: `bench-${String(at)}`,
      contractVersion: source.contract.version,
      receivedAtMs: RECEIVED_AT_MS,
    };
    const frame = writeFrame(header, checked);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(frame.length);
    parts.push(length, frame);
  }
  const path = join(directory, `${String(records)}.frames`);
  writeFileSync(path, Buffer.concat(parts));
  return path;
}

const VARIANTS: readonly Variant[] = ['consumer', 'parse', 'parseValidate'];
const WARM_UP_ROUNDS = 2;

function start(input: CaseInput): ChildProcess {
  return fork(CASE_FILE, [JSON.stringify(input)], {
    execArgv: [...NODE_OPTIONS, '--no-warnings'],
  });
}

/** @throws Error when the process ends instead of answering */
async function ask(child: ChildProcess): Promise<CaseOutput> {
  const answered = new AbortController();
  const { signal } = answered;
  const ended = once(child, 'exit', { signal }).then(() => {
    throw new Error('a measuring process has ended; its error is above');
  });
  child.send('measure');
  try {
    const [output] = (await Promise.race([once(child, 'message', { signal }), ended])) as [CaseOutput];
    return output;
  } finally {
    // The listeners of the loser of the race are removed.
    ended.catch(() => undefined);
    answered.abort();
  }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

const rounded = (value: number, digits: number): number => Number(value.toFixed(digits));

/** Measures the variants in turn, each in its own process, so that what else the machine does hits all of them. */
async function measure(directory: string, records: number, rounds: number): Promise<ConsumerCase> {
  const framesPath = toFrameFile(directory, records);
  const children = VARIANTS.map((variant) => ({ variant, child: start({ variant, framesPath }) }));
  const speeds: Record<Variant, number[]> = { consumer: [], parse: [], parseValidate: [] };
  let rssMB = 0;
  try {
    for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
      for (const { variant, child } of children) {
        const { megabytesPerSecond, peakRssMB } = await ask(child);
        if (round >= 0) speeds[variant].push(megabytesPerSecond);
        if (variant === 'consumer') rssMB = peakRssMB;
      }
    }
  } finally {
    for (const { child } of children) if (child.connected) child.disconnect();
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

function verdict(isGood: boolean, text: string): string {
  return isGood ? color.green(text) : color.red(text);
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
    console.log(
      `${cpus()[0]?.model ?? 'unknown CPU'}, ${String(cpus().length)} cores, Node ${process.version}\n`,
    );
    console.log(toTable(cases));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
