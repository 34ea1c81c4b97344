import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { DuckDbTableWriter } from '../shared/adapters/duckdb/duckdb-table-writer.ts';
import { MemoryClaimLog } from '../shared/adapters/memory/memory-claim-log.ts';
import { MemoryLedgerStore } from '../shared/adapters/memory/memory-ledger-store.ts';
import { MemoryTelemetry } from '../shared/adapters/memory/memory-telemetry.ts';
import { readFrame } from '../shared/domain/frame.ts';
import type { Source } from '../shared/domain/source.ts';
import type { Lake } from '../shared/ports/lake.ts';
import { createClaimCache } from '../shared/pipeline/claim-keys.ts';
import { runLane } from '../shared/pipeline/land.ts';
import type { StreamRecord } from '../shared/domain/stream-batch.ts';
import { createStreamReader } from '../shared/pipeline/stream-reader.ts';
import { shopSource, shopValidator } from './shop-events.ts';

/*
 * One figure of the consumer benchmark, in a process of its own, so that neither its memory nor the garbage of another
 * variant counts: forked with a CaseInput as JSON, it answers every message with the CaseOutput of one measurement.
 */

export type Variant = 'consumer' | 'parse' | 'parseValidate';

export interface CaseInput {
  readonly variant: Variant;
  /** Frames of one batch, each behind its length (uint32, little endian). */
  readonly framesPath: string;
}

export interface CaseOutput {
  /** MB (1e6 bytes) of raw JSON per second of CPU time, user and system, of all threads. */
  readonly megabytesPerSecond: number;
  /** Peak of the resident set so far, in MB (1e6 bytes). */
  readonly peakRssMB: number;
}

/** Raw JSON of one measurement: small batches are repeated until it is reached. */
const MIN_MEASURED_BYTES = 20e6;

function readFrames(path: string): Buffer[] {
  const file = readFileSync(path);
  const frames: Buffer[] = [];
  for (let at = 0; at < file.length;) {
    const length = file.readUInt32LE(at);
    frames.push(file.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return frames;
}

/** The real engine over stores in memory: one delivery of a shard, decoded, claimed, written and committed. */
async function consume(
  tables: DuckDbTableWriter,
  source: Source,
  records: readonly StreamRecord[],
): Promise<number> {
  let rows = 0;
  const lake: Lake = {
    putIfAbsent(_key, object) {
      rows += object.rows;
      return Promise.resolve('created');
    },
    overwrite: () => Promise.resolve(),
    kindOf: () => Promise.resolve(undefined),
  };
  const reader = createStreamReader(new Map([[source.name, source]]), undefined, {
    stream: 'headgate-ingest',
    shardId: 'shardId-000000000000',
    records,
  });
  const clock = { nowMs: () => Date.now(), sleep: () => Promise.resolve() };
  await runLane(
    {
      ledger: new MemoryLedgerStore(),
      claimLog: new MemoryClaimLog({ clock }),
      claimCache: createClaimCache(),
      lake,
      tables,
      clock,
      telemetry: new MemoryTelemetry(),
      sources: new Map([[source.name, source]]),
      configVersion: 'bench',
      newToken: randomUUID,
    },
    reader,
    { owner: 'bench', deadlineMs: Date.now() + 600_000 },
  );
  return rows;
}

interface Workload {
  /** Raw JSON of one run. */
  readonly bytes: number;
  run(): void | Promise<void>;
  close?(): Promise<void>;
}

function toConsumer(framesPath: string): Workload {
  const source = shopSource();
  const tables = new DuckDbTableWriter();
  let bytes = 0;
  let records = 0;
  const stream = readFrames(framesPath).map((data, i) => {
    const frame = readFrame(data);
    bytes += frame.payload.length;
    records += frame.count;
    return {
      sequenceNumber: `4966000000000000000000000000000000000000000000000${String(1_000_000 + i)}`,
      data,
      arrivedAtMs: 0,
    };
  });
  return {
    bytes,
    async run() {
      const landed = await consume(tables, source, stream);
      if (landed !== records) throw new Error(`${String(landed)} of ${String(records)} records landed`);
    },
    close: () => tables.close(),
  };
}

function toParser(framesPath: string, validate: (value: unknown) => boolean): Workload {
  const frames = readFrames(framesPath).map((data) => readFrame(data));
  return {
    bytes: frames.reduce((sum, frame) => sum + frame.payload.length, 0),
    run() {
      for (const { payload, offsets, count } of frames) {
        for (let i = 0; i < count; i++) {
          const value: unknown = JSON.parse(payload.toString('utf8', offsets[i], offsets[i + 1]));
          if (!validate(value)) throw new Error('a generated event does not meet its contract');
        }
      }
    },
  };
}

function toWorkload({ variant, framesPath }: CaseInput): Workload {
  switch (variant) {
    case 'consumer':
      return toConsumer(framesPath);
    case 'parse':
      return toParser(framesPath, () => true);
    case 'parseValidate':
      return toParser(framesPath, shopValidator());
  }
}

const workload = toWorkload(JSON.parse(process.argv[2] ?? '{}') as CaseInput);
const batches = Math.ceil(MIN_MEASURED_BYTES / workload.bytes);

async function measure(): Promise<CaseOutput> {
  const before = process.cpuUsage();
  for (let i = 0; i < batches; i++) await workload.run();
  const { user, system } = process.cpuUsage(before);
  return {
    megabytesPerSecond: (workload.bytes * batches) / (user + system),
    peakRssMB: (process.resourceUsage().maxRSS * 1024) / 1e6,
  };
}

function fail(error: unknown): void {
  console.error(error);
  process.exit(1);
}

process.on('message', () => {
  measure().then((output) => process.send?.(output), fail);
});
process.on('disconnect', () => {
  workload.close?.().catch(fail);
});
