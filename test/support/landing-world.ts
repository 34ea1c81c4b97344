import { ManualClock } from '../../shared/adapters/memory/manual-clock.ts';
import { MemoryBatchStage } from '../../shared/adapters/memory/memory-batch-stage.ts';
import { MemoryClaimLog } from '../../shared/adapters/memory/memory-claim-log.ts';
import { MemoryLake } from '../../shared/adapters/memory/memory-lake.ts';
import { MemoryLandingZone } from '../../shared/adapters/memory/memory-landing-zone.ts';
import { MemoryLedgerStore } from '../../shared/adapters/memory/memory-ledger-store.ts';
import { MemoryTelemetry } from '../../shared/adapters/memory/memory-telemetry.ts';
import type { StoreCall } from '../../shared/adapters/memory/turn.ts';
import { compileSources } from '../../shared/config/compile-sources.ts';
import { compileValidators } from '../../shared/config/compile-validators.ts';
import { parseConfig } from '../../shared/config/define-config.ts';
import type { HeadgateConfigInput, ReceivedSourceConfig } from '../../shared/config/schema.ts';
import { writeFrame } from '../../shared/domain/frame.ts';
import { createFrameNames, landingLane } from '../../shared/domain/landing-frame.ts';
import { parseLandingPosition, type LandingPosition } from '../../shared/domain/landing-position.ts';
import type { Source } from '../../shared/domain/source.ts';
import { createClaimCache } from '../../shared/pipeline/claim-keys.ts';
import type { LaneReader } from '../../shared/pipeline/lane.ts';
import { runLane, type LandDeps, type RunOutcome } from '../../shared/pipeline/land.ts';
import { createLandingReader } from '../../shared/pipeline/landing/create-landing-reader.ts';
import { createManifestCache, type ManifestCache } from '../../shared/pipeline/landing/manifests.ts';
import { LandingFrameBus } from '../../shared/pipeline/landing/landing-frame-bus.ts';
import type { Probe } from '../../shared/pipeline/probe.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { LandingZone } from '../../shared/ports/landing-zone.ts';
import { lineTableWriter, readLines, type WrittenLine } from './line-table-writer.ts';

/** A time at which no hour begins. */
const START_MS = Date.UTC(2026, 0, 31, 10, 20, 30, 400);
/** Longer than any run of a test. */
const RUN_MS = 900_000;
/** The source that lands unless another is named. */
export const SOURCE = 'reports';

type SourceInput = HeadgateConfigInput['sources'][string];

/** Collected sources, `reports` and `others`, keyed by `id`, with the event time `at` in seconds. */
function declareCollected(changed: Partial<SourceInput> = {}): ReadonlyMap<string, Source> {
  const source: SourceInput = {
    type: 'push',
    freshness: '10 minutes',
    volume: { gbPerDay: 1 },
    contract: {
      schema: {
        type: 'object',
        required: ['id'],
        properties: { id: { type: 'string' }, at: { type: 'integer' } },
      },
    },
    key: ['id'],
    eventTime: { path: 'at', format: 'epoch-seconds' },
    ...(changed as object),
  };
  const config = parseConfig({ sources: { [SOURCE]: source, others: source } });
  return compileSources(config, compileValidators(config));
}

interface RunSettings {
  readonly probe?: Probe;
  readonly maxBatchBytes?: number;
  /** A zone that does something else. */
  readonly zone?: LandingZone;
  /** What the process has kept from its last run; a cold start by default. */
  readonly manifestCache?: ManifestCache;
}

/** Stores in memory and the real engine over them, for the landing lane. */
export class LandingWorld {
  readonly clock = new ManualClock({ startMs: START_MS, jump: true });
  readonly telemetry = new MemoryTelemetry();
  readonly zone: MemoryLandingZone;
  readonly stage: MemoryBatchStage;
  readonly lake = new MemoryLake();
  readonly sources: ReadonlyMap<string, Source>;
  readonly deps: LandDeps & { readonly ledger: MemoryLedgerStore };
  readonly nextName = createFrameNames(() => `token${String(this.#tokens++)}`);
  /** Calls of the zone and of the stage. */
  readonly calls: StoreCall[] = [];
  #tokens = 0;
  #runs = 0;

  constructor(changed: Partial<SourceInput> = {}) {
    const turn = {
      before: (call: StoreCall) => {
        this.calls.push(call);
        return Promise.resolve();
      },
    };
    this.zone = new MemoryLandingZone({ turn });
    this.stage = new MemoryBatchStage({ turn });
    this.sources = declareCollected(changed);
    this.deps = {
      ledger: new MemoryLedgerStore(),
      claimLog: new MemoryClaimLog({ clock: this.clock }),
      claimCache: createClaimCache(),
      lake: this.lake,
      tables: lineTableWriter(),
      clock: this.clock,
      telemetry: this.telemetry,
      sources: this.sources,
      configVersion: 'test',
      newToken: () => `token-${String(this.#tokens++)}`,
    };
  }

  source(name = SOURCE): Source<ReceivedSourceConfig> {
    const source = this.sources.get(name);
    if (source?.config.type !== 'push') throw new Error(`${name} is not declared`);
    return source as Source<ReceivedSourceConfig>;
  }

  /** A frame of records with these ids; their event time is the time of the call. */
  frameOf(ids: readonly string[], name = SOURCE, atSeconds = Math.floor(this.clock.nowMs() / 1000)): Buffer {
    const source = this.source(name);
    const records = ids.map((id) => {
      const checked = source.check(Buffer.from(JSON.stringify({ id, at: atSeconds })), this.clock.nowMs());
      if (checked.status === 'rejected') throw new Error(`${id} is rejected`);
      return checked.record;
    });
    const header = {
      source: name,
      frameId: 'frame',
      contractVersion: source.contract.version,
      receivedAtMs: this.clock.nowMs(),
    };
    return writeFrame(header, records);
  }

  /** Puts a frame of records with these ids as a push does. @returns its name */
  async push(...ids: readonly string[]): Promise<string> {
    const name = this.nextName(this.clock.nowMs());
    await this.zone.put(SOURCE, name, this.frameOf(ids));
    return name;
  }

  bus(options: Partial<ConstructorParameters<typeof LandingFrameBus>[0]> = {}): LandingFrameBus {
    return new LandingFrameBus({
      frames: this.zone,
      source: SOURCE,
      clock: this.clock,
      newToken: () => `token${String(this.#tokens++)}`,
      ...options,
    });
  }

  /** The reader of a run. */
  reader({
    zone = this.zone,
    manifestCache,
    clock = this.clock,
  }: Pick<RunSettings, 'zone' | 'manifestCache'> & { readonly clock?: Clock } = {}): LaneReader {
    return createLandingReader({
      source: this.source(),
      sources: this.sources,
      zone,
      stage: this.stage,
      manifestCache: manifestCache ?? createManifestCache(),
      clock,
      telemetry: this.telemetry,
    });
  }

  /** One scheduled run, as the function does it. */
  run({ probe, maxBatchBytes, zone, manifestCache }: RunSettings = {}): Promise<RunOutcome> {
    const reader = this.reader({ zone, manifestCache });
    const deps = { ...this.deps, claimCache: createClaimCache(), ...(probe && { probe }) };
    return runLane(deps, reader, {
      owner: `run-${String(++this.#runs)}`,
      deadlineMs: this.clock.nowMs() + RUN_MS,
      yieldsToOthers: true,
      ...(maxBatchBytes !== undefined && { maxBatchBytes }),
    });
  }

  /** The position of the lane. */
  position(): LandingPosition {
    const lane = landingLane(SOURCE);
    return parseLandingPosition(lane, this.deps.ledger.peek(lane).position);
  }

  /** Rows of all visible files of a zone, file by file. */
  files(zone: 'raw' | 'quarantine'): (readonly WrittenLine[])[] {
    return this.lake
      .list(`${zone}/`)
      .filter(({ kind }) => kind === 'data')
      .map(({ bytes }) => readLines(bytes));
  }

  /** Ids of all landed records, as often as they are there, in order. */
  landed(): string[] {
    return this.files('raw')
      .flat()
      .map(({ raw }) => (JSON.parse(raw) as { readonly id: string }).id)
      .sort();
  }

  /** Calls of one operation of a port since the world began. */
  countCalls(port: StoreCall['port'], operation: string): number {
    return this.calls.filter((call) => call.port === port && call.operation === operation).length;
  }
}
