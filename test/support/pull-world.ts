import { ManualClock } from '../../shared/adapters/memory/manual-clock.ts';
import { MemoryBatchStage } from '../../shared/adapters/memory/memory-batch-stage.ts';
import { MemoryClaimLog } from '../../shared/adapters/memory/memory-claim-log.ts';
import { MemoryLake } from '../../shared/adapters/memory/memory-lake.ts';
import { MemoryLedgerStore } from '../../shared/adapters/memory/memory-ledger-store.ts';
import { MemoryTelemetry } from '../../shared/adapters/memory/memory-telemetry.ts';
import type { HttpSourceConfig } from '../../shared/config/schema.ts';
import type { Source } from '../../shared/domain/source.ts';
import { createClaimCache } from '../../shared/pipeline/claim-keys.ts';
import { runLane, type LandDeps, type RunOutcome } from '../../shared/pipeline/land.ts';
import type { Probe } from '../../shared/pipeline/probe.ts';
import { createPullReader } from '../../shared/pipeline/pull/create-pull-reader.ts';
import type { PullSource } from '../../shared/ports/pull-source.ts';
import { lineTableWriter, readLines, type WrittenLine } from './line-table-writer.ts';

/** Longer than any run of a test. */
const RUN_MS = 900_000;

export interface PullWorld {
  readonly clock: ManualClock;
  readonly ledger: MemoryLedgerStore;
  readonly lake: MemoryLake;
  readonly stage: MemoryBatchStage;
  readonly telemetry: MemoryTelemetry;
  readonly deps: LandDeps;
  /** One scheduled run, as the function does it. */
  run(source: Source<HttpSourceConfig>, pages: PullSource, options?: RunSettings): Promise<RunOutcome>;
  /** Rows of all visible files of a zone. */
  rows(zone: 'raw' | 'quarantine'): WrittenLine[];
}

interface RunSettings {
  readonly probe?: Probe;
  readonly runMs?: number;
}

/** Stores in memory and the real engine over them, for pulls. */
export function createPullWorld(
  sources: readonly Source<HttpSourceConfig>[],
  clock = new ManualClock({ jump: true }),
): PullWorld {
  const ledger = new MemoryLedgerStore();
  const lake = new MemoryLake();
  const stage = new MemoryBatchStage();
  const telemetry = new MemoryTelemetry();
  let tokens = 0;
  let runs = 0;
  const deps: LandDeps = {
    ledger,
    claimLog: new MemoryClaimLog({ clock }),
    claimCache: createClaimCache(),
    lake,
    tables: lineTableWriter(),
    clock,
    telemetry,
    sources: new Map(sources.map((source) => [source.name, source])),
    configVersion: 'test',
    newToken: () => `token-${String(++tokens)}`,
  };
  return {
    clock,
    ledger,
    lake,
    stage,
    telemetry,
    deps,
    run(source, pages, { probe, runMs = RUN_MS } = {}) {
      const deadlineMs = clock.nowMs() + runMs;
      const reader = createPullReader({ source, pages, stage, clock, telemetry, deadlineMs });
      // Every invocation has its own claim cache here, like a cold start.
      const own = { ...deps, claimCache: createClaimCache(), ...(probe && { probe }) };
      return runLane(own, reader, { owner: `run-${String(++runs)}`, deadlineMs });
    },
    rows: (zone) =>
      lake
        .list(`${zone}/`)
        .filter(({ kind }) => kind === 'data')
        .flatMap(({ bytes }) => readLines(bytes)),
  };
}
