import { randomUUID } from 'node:crypto';
import { DuckDbTableWriter } from '../shared/adapters/duckdb/duckdb-table-writer.ts';
import { MemoryClaimLog } from '../shared/adapters/memory/memory-claim-log.ts';
import { MemoryLedgerStore } from '../shared/adapters/memory/memory-ledger-store.ts';
import { MemoryTelemetry } from '../shared/adapters/memory/memory-telemetry.ts';
import { readFrame, recordBytes } from '../shared/domain/frame.ts';
import type { Source } from '../shared/domain/source.ts';
import type { Lake } from '../shared/ports/lake.ts';
import { createClaimCache } from '../shared/pipeline/claim-keys.ts';
import { createLaneCache, runLane } from '../shared/pipeline/land.ts';
import type { StreamRecord } from '../shared/domain/stream-batch.ts';
import { createStreamReader } from '../shared/pipeline/stream-reader.ts';
import { readFrameFile } from './frame-file.ts';
import { answerMeasurements, measuringInput } from './measuring-process.ts';
import { shopSource, shopValidator } from './shop-events.ts';

/*
 * One figure of the consumer benchmark: a measuring process that is given a CaseInput and answers with CaseOutputs.
 */

/**
 * - `consumer`: frames are landed
 * - `plainConsumer`: the same records are landed, each of them a JSON text of its own on the source's stream
 * - `parse`, `parseValidate`: what reading JSON costs at least
 */
export type Variant = 'consumer' | 'plainConsumer' | 'parse' | 'parseValidate';

interface CaseInput {
  readonly variant: Variant;
  /** File with the frames of one batch. */
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

/** The real engine over stores in memory: one delivery of a shard, decoded, claimed, written and committed. */
async function consume(
  tables: DuckDbTableWriter,
  source: Source,
  sourceOfStream: string | undefined,
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
  const reader = createStreamReader(new Map([[source.name, source]]), sourceOfStream, {
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
      laneCache: createLaneCache(),
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

function toConsumer(framesPath: string, isPlain: boolean): Workload {
  const source = shopSource();
  const tables = new DuckDbTableWriter();
  let bytes = 0;
  let records = 0;
  const stream = readFrameFile(framesPath)
    .flatMap((data) => {
      const frame = readFrame(data);
      bytes += frame.payload.length;
      records += frame.count;
      return isPlain ? Array.from({ length: frame.count }, (_, i) => recordBytes(frame, i)) : [data];
    })
    .map((data, i) => ({ sequenceNumber: `4966${String(i).padStart(52, '0')}`, data, arrivedAtMs: 0 }));
  return {
    bytes,
    async run() {
      const landed = await consume(tables, source, isPlain ? source.name : undefined, stream);
      if (landed !== records) throw new Error(`${String(landed)} of ${String(records)} records landed`);
    },
    close: () => tables.close(),
  };
}

function toParser(framesPath: string, validate: (value: unknown) => boolean): Workload {
  const frames = readFrameFile(framesPath).map((data) => readFrame(data));
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
      return toConsumer(framesPath, false);
    case 'plainConsumer':
      return toConsumer(framesPath, true);
    case 'parse':
      return toParser(framesPath, () => true);
    case 'parseValidate':
      return toParser(framesPath, shopValidator());
  }
}

const workload = toWorkload(measuringInput() as CaseInput);
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

answerMeasurements(measure, async () => {
  await workload.close?.();
});
