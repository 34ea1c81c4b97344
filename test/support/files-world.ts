import { ManualClock } from '../../shared/adapters/memory/manual-clock.ts';
import { MemoryBatchStage } from '../../shared/adapters/memory/memory-batch-stage.ts';
import { MemoryClaimLog } from '../../shared/adapters/memory/memory-claim-log.ts';
import { MemoryLake } from '../../shared/adapters/memory/memory-lake.ts';
import { MemoryLedgerStore } from '../../shared/adapters/memory/memory-ledger-store.ts';
import { MemoryTelemetry } from '../../shared/adapters/memory/memory-telemetry.ts';
import type { Turn } from '../../shared/adapters/memory/turn.ts';
import type { FilesSourceConfig } from '../../shared/config/schema.ts';
import type { Source } from '../../shared/domain/source.ts';
import { createClaimCache } from '../../shared/pipeline/claim-keys.ts';
import { createFilesReader } from '../../shared/pipeline/files/create-files-reader.ts';
import { runLane, type LandDeps, type RunOutcome } from '../../shared/pipeline/land.ts';
import type { Probe } from '../../shared/pipeline/probe.ts';
import type { ObjectSource } from '../../shared/ports/object-source.ts';
import type { ParquetReader } from '../../shared/ports/parquet-reader.ts';
import { lineTableWriter, readLines, type WrittenLine } from './line-table-writer.ts';

/** Longer than any run of a test. */
const RUN_MS = 900_000;

export interface FilesWorld {
  readonly clock: ManualClock;
  readonly ledger: MemoryLedgerStore;
  readonly telemetry: MemoryTelemetry;
  readonly stage: MemoryBatchStage;
  /** One scheduled run, as the function does it. */
  run(objects: ObjectSource, settings?: FilesRunSettings): Promise<RunOutcome>;
  /** Rows of all visible files of a zone. */
  rows(zone: 'raw' | 'quarantine'): WrittenLine[];
}

interface FilesRunSettings {
  readonly probe?: Probe;
  readonly runMs?: number;
  readonly maxBatchBytes?: number;
  readonly parquet?: ParquetReader;
}

const noParquet: ParquetReader = {
  read: () => {
    throw new Error('no Parquet here');
  },
};

/** Stores in memory and the real engine over them, for objects. */
export function createFilesWorld(
  source: Source<FilesSourceConfig>,
  {
    turn,
    clock = new ManualClock({ jump: true }),
  }: { readonly turn?: Turn; readonly clock?: ManualClock } = {},
): FilesWorld {
  const ledger = new MemoryLedgerStore({ ...(turn && { turn }) });
  const lake = new MemoryLake({ ...(turn && { turn }) });
  const stage = new MemoryBatchStage({ ...(turn && { turn }) });
  const telemetry = new MemoryTelemetry();
  let tokens = 0;
  let runs = 0;
  const deps: LandDeps = {
    ledger,
    claimLog: new MemoryClaimLog({ clock, ...(turn && { turn }) }),
    claimCache: createClaimCache(),
    lake,
    tables: lineTableWriter(),
    clock,
    telemetry,
    sources: new Map<string, Source>([[source.name, source]]),
    configVersion: 'test',
    newToken: () => `token-${String(++tokens)}`,
  };
  return {
    clock,
    ledger,
    telemetry,
    stage,
    run(objects, { probe, runMs = RUN_MS, maxBatchBytes, parquet = noParquet } = {}) {
      const deadlineMs = clock.nowMs() + runMs;
      const reader = createFilesReader({
        source,
        objects,
        parquet,
        stage,
        // Every invocation knows nothing here, like a cold start.
        landedCache: new Map(),
        clock,
        telemetry,
        deadlineMs,
      });
      const own = { ...deps, claimCache: createClaimCache(), ...(probe && { probe }) };
      return runLane(own, reader, {
        owner: `run-${String(++runs)}`,
        deadlineMs,
        ...(maxBatchBytes !== undefined && { maxBatchBytes }),
      }).finally(() => reader.close());
    },
    rows: (zone) =>
      lake
        .list(`${zone}/`)
        .filter(({ kind }) => kind === 'data')
        .flatMap(({ bytes }) => readLines(bytes)),
  };
}
