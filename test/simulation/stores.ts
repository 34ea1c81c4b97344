import { MemoryBatchStage } from '../../shared/adapters/memory/memory-batch-stage.ts';
import { MemoryClaimLog } from '../../shared/adapters/memory/memory-claim-log.ts';
import { MemoryFileStage } from '../../shared/adapters/memory/memory-file-stage.ts';
import { MemoryLake } from '../../shared/adapters/memory/memory-lake.ts';
import { MemoryLedgerStore } from '../../shared/adapters/memory/memory-ledger-store.ts';
import { MemoryQuarantineReader } from '../../shared/adapters/memory/memory-quarantine-reader.ts';
import type { BatchStage } from '../../shared/ports/batch-stage.ts';
import type { ClaimLog } from '../../shared/ports/claim-log.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { FileStage } from '../../shared/ports/file-stage.ts';
import type { Lake, LakeObject } from '../../shared/ports/lake.ts';
import type { FrameWriter, LandingZone } from '../../shared/ports/landing-zone.ts';
import type { CasResult, LedgerStore } from '../../shared/ports/ledger-store.ts';
import type { QuarantineReader } from '../../shared/ports/quarantine-reader.ts';
import type { Process } from './scheduler.ts';
import { SimulatedLandingZone } from './simulated-landing-zone.ts';
import type { SimulatedTables } from './simulated-tables.ts';

/** The stores that the engine works on. A mutant replaces some of them by broken ones. */
export interface Stores {
  readonly claimLog: ClaimLog;
  readonly lake: Lake;
  readonly ledger: LedgerStore;
  readonly stage: BatchStage;
  readonly files: FileStage;
  readonly quarantine: QuarantineReader;
  readonly zone: LandingZone & FrameWriter;
}

export interface StoreWatch {
  /** An object was created or overwritten. */
  readonly onObject: (key: string, before: LakeObject | undefined, after: LakeObject) => void;
  /** A write of a lane's state took effect. */
  readonly onLedger: (lane: string) => void;
}

/** Stores in memory, whose effects are told to whoever checks them. */
export interface MemoryStores extends Stores {
  readonly claimLog: MemoryClaimLog;
  readonly lake: WatchedLake;
  readonly ledger: WatchedLedger;
  readonly stage: MemoryBatchStage;
  readonly zone: SimulatedLandingZone;
}

/** Small, so that some claims travel in their entries and others do not. */
const MAX_INLINE_BYTES = 60;

export function createStores(clock: Clock, tables: SimulatedTables, watch: StoreWatch): MemoryStores {
  const lake = new WatchedLake(watch);
  return {
    claimLog: new MemoryClaimLog({ clock, maxInlineBytes: MAX_INLINE_BYTES }),
    lake,
    ledger: new WatchedLedger(watch),
    stage: new MemoryBatchStage(),
    files: new MemoryFileStage(),
    quarantine: new MemoryQuarantineReader({ lake, readRows: (bytes) => tables.quarantineOf(bytes) }),
    zone: new SimulatedLandingZone(clock),
  };
}

class WatchedLake extends MemoryLake {
  readonly #watch: StoreWatch;

  constructor(watch: StoreWatch) {
    super();
    this.#watch = watch;
  }

  override async putIfAbsent(key: string, object: LakeObject): Promise<'created' | 'exists'> {
    const outcome = await super.putIfAbsent(key, object);
    if (outcome === 'created') this.#watch.onObject(key, undefined, object);
    return outcome;
  }

  override async overwrite(key: string, object: LakeObject): Promise<void> {
    const before = this.peek(key);
    await super.overwrite(key, object);
    this.#watch.onObject(key, before, object);
  }
}

class WatchedLedger extends MemoryLedgerStore {
  readonly #watch: StoreWatch;

  constructor(watch: StoreWatch) {
    super();
    this.#watch = watch;
  }

  override async commit(...[lane, ...rest]: Parameters<MemoryLedgerStore['commit']>): Promise<CasResult> {
    const result = await super.commit(lane, ...rest);
    if (result === 'ok') this.#watch.onLedger(lane);
    return result;
  }

  override async cede(...[lane, ...rest]: Parameters<MemoryLedgerStore['cede']>): Promise<CasResult> {
    const result = await super.cede(lane, ...rest);
    if (result === 'ok') this.#watch.onLedger(lane);
    return result;
  }
}

/** The stores as one process reaches them: every call is scheduled, and disturbed. */
export function storesOf(stores: Stores, process: Process): Stores {
  return {
    claimLog: scheduled('claims', stores.claimLog, process),
    lake: scheduled('lake', stores.lake, process),
    ledger: scheduled('ledger', stores.ledger, process),
    stage: scheduled('stage', stores.stage, process),
    files: scheduled('files', stores.files, process),
    quarantine: scheduled('quarantine', stores.quarantine, process),
    zone: scheduled('zone', stores.zone, process),
  };
}

type Method = (...args: unknown[]) => Promise<unknown>;

function scheduled<Store extends object>(port: string, store: Store, process: Process): Store {
  return new Proxy(store, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name, target);
      if (typeof method !== 'function' || typeof name !== 'string') return method;
      return (...args: unknown[]) =>
        process.call({ port, operation: name, subject: typeof args[0] === 'string' ? args[0] : '' }, () =>
          Reflect.apply(method as Method, target, args),
        );
    },
  });
}
