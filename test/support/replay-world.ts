import { AsyncLocalStorage } from 'node:async_hooks';
import { ManualClock } from '../../shared/adapters/memory/manual-clock.ts';
import { MemoryBatchStage } from '../../shared/adapters/memory/memory-batch-stage.ts';
import { MemoryClaimLog } from '../../shared/adapters/memory/memory-claim-log.ts';
import { MemoryLake } from '../../shared/adapters/memory/memory-lake.ts';
import { MemoryLedgerStore } from '../../shared/adapters/memory/memory-ledger-store.ts';
import { MemoryQuarantineReader } from '../../shared/adapters/memory/memory-quarantine-reader.ts';
import { MemoryTelemetry } from '../../shared/adapters/memory/memory-telemetry.ts';
import type { Turn } from '../../shared/adapters/memory/turn.ts';
import { compileSources } from '../../shared/config/compile-sources.ts';
import { compileValidators } from '../../shared/config/compile-validators.ts';
import { parseConfig } from '../../shared/config/define-config.ts';
import type { ParkedDelivery } from '../../shared/domain/parked-delivery.ts';
import type { Source } from '../../shared/domain/source.ts';
import type { StreamRecord } from '../../shared/domain/stream-batch.ts';
import { createClaimCache } from '../../shared/pipeline/claim-keys.ts';
import { runLane, type LandDeps, type RunOptions, type RunOutcome } from '../../shared/pipeline/land.ts';
import type { ReplayDeliveryDeps } from '../../shared/pipeline/replay/replay-delivery.ts';
import type { ReplayQuarantineDeps } from '../../shared/pipeline/replay/replay-quarantine.ts';
import { createStreamReader } from '../../shared/pipeline/stream-reader.ts';
import { lineTableWriter, readLines, readQuarantineLines, type WrittenLine } from './line-table-writer.ts';

export const START_MS = Date.UTC(2026, 0, 1);
export const STREAM = 'clicks-stream';
export const SHARD = 'shardId-000000000000';
export const LANE = `kinesis/${STREAM}/${SHARD}`;

export interface ClicksOptions {
  /** Type that the contract gives to the field `n`. */
  readonly n?: 'integer' | 'string';
  readonly dedupe?: 'record' | 'request' | 'none';
}

/** The source `clicks` with a stream of its own: key `id`, a field `n`. */
export function declareClicks({ n = 'integer', dedupe = 'record' }: ClicksOptions = {}): ReadonlyMap<
  string,
  Source
> {
  const config = parseConfig({
    sources: {
      clicks: {
        type: 'stream',
        freshness: '30 seconds',
        volume: { gbPerDay: 1 },
        contract: {
          schema: {
            type: 'object',
            properties: { id: { type: 'string' }, n: { type: n }, day: { type: 'string' } },
          },
        },
        key: ['id'],
        eventTime: { path: 'day', format: 'iso-8601' },
        partition: 'day',
        dedupe,
      },
    },
  });
  return compileSources(config, compileValidators(config));
}

/** One plain record of the stream: a line of JSON per member. */
export function recordAt(
  sequenceNumber: number,
  ...members: readonly Readonly<Record<string, unknown>>[]
): StreamRecord {
  const lines = members.map((member) => JSON.stringify({ day: '2026-01-01', ...member }));
  return {
    sequenceNumber: String(sequenceNumber),
    data: Buffer.from(lines.join('\n')),
    arrivedAtMs: START_MS,
  };
}

export const parked = (records: readonly StreamRecord[], parkedAtMs = START_MS): ParkedDelivery => ({
  batch: { stream: STREAM, shardId: SHARD, records },
  functionArn: 'arn:aws:lambda:eu-central-1:1:function:stream',
  condition: 'RetryAttemptsExhausted',
  parkedAtMs,
});

type Lines = readonly (WrittenLine & { readonly key: string })[];

export interface ReplayWorld {
  readonly clock: ManualClock;
  readonly lake: MemoryLake;
  readonly ledger: MemoryLedgerStore;
  /** Over the sources as they were declared first. */
  readonly deps: ReplayDeliveryDeps & ReplayQuarantineDeps;
  depsFor(sources: ReadonlyMap<string, Source>): ReplayDeliveryDeps & ReplayQuarantineDeps;
  options(owner: string): RunOptions;
  /** One delivery of the event-source mapping. */
  deliver(records: readonly StreamRecord[], deps?: LandDeps, owner?: string): Promise<RunOutcome>;
  /** Runs something with a turn around each of its store calls. */
  under<Result>(of: Turn, work: () => Promise<Result>): Promise<Result>;
  landed(): Lines;
  quarantined(): Lines;
  /** Keys of the quarantine files that are no tombstones. */
  quarantineKeys(): readonly string[];
}

/** The stores, and the engine over them. */
export function createReplayWorld(options: ClicksOptions = {}): ReplayWorld {
  const turns = new AsyncLocalStorage<Turn>();
  const turn: Turn = {
    before: async (call) => turns.getStore()?.before?.(call),
    after: async (call) => turns.getStore()?.after?.(call),
  };
  const clock = new ManualClock({ startMs: START_MS, jump: true });
  const lake = new MemoryLake({ turn });
  const ledger = new MemoryLedgerStore({ turn });
  const claimLog = new MemoryClaimLog({ turn });
  const stage = new MemoryBatchStage({ turn });
  const quarantine = new MemoryQuarantineReader({ lake, readRows: readQuarantineLines, turn });
  let tokens = 0;
  const depsFor = (sources: ReadonlyMap<string, Source>): ReplayDeliveryDeps & ReplayQuarantineDeps => ({
    ledger,
    claimLog,
    claimCache: createClaimCache(),
    lake,
    tables: lineTableWriter(),
    clock,
    telemetry: new MemoryTelemetry(),
    sources,
    configVersion: 'v1',
    newToken: () => String(tokens++),
    sourceOfStream: { [STREAM]: 'clicks' },
    quarantine,
    stage,
  });
  const lines = (prefix: string): (WrittenLine & { readonly key: string })[] =>
    lake
      .list(prefix)
      .filter(({ kind }) => kind === 'data')
      .flatMap(({ key, bytes }) => readLines(bytes).map((line) => ({ ...line, key })));
  return {
    clock,
    lake,
    ledger,
    depsFor,
    deps: depsFor(declareClicks(options)),
    options: (owner: string): RunOptions => ({ owner, deadlineMs: Number.MAX_SAFE_INTEGER }),
    deliver(
      records: readonly StreamRecord[],
      deps: LandDeps = depsFor(declareClicks(options)),
      owner = 'function',
    ): Promise<RunOutcome> {
      const reader = createStreamReader(deps.sources, 'clicks', { stream: STREAM, shardId: SHARD, records });
      return runLane(deps, reader, { owner, deadlineMs: Number.MAX_SAFE_INTEGER });
    },
    under: <Result>(of: Turn, work: () => Promise<Result>): Promise<Result> => turns.run(of, work),
    landed: () => lines('raw/'),
    quarantined: () => lines('quarantine/'),
    quarantineKeys: () => lake.list('quarantine/').flatMap(({ key, kind }) => (kind === 'data' ? [key] : [])),
  };
}

/** The process dies at its n-th store call (from 0), before the effect or after it. */
export function dyingAt(call: number, when: 'before' | 'after'): Turn & { readonly calls: () => number } {
  let calls = 0;
  const die = (): void => {
    throw new Error('died');
  };
  return {
    calls: () => calls,
    before: () => {
      if (calls++ === call && when === 'before') die();
      return Promise.resolve();
    },
    after: () => {
      if (calls - 1 === call && when === 'after') die();
      return Promise.resolve(undefined);
    },
  };
}
