import { ManualClock } from '../../shared/adapters/memory/manual-clock.ts';
import { MemoryBatchStage } from '../../shared/adapters/memory/memory-batch-stage.ts';
import { MemoryClaimLog } from '../../shared/adapters/memory/memory-claim-log.ts';
import { MemoryFileStage } from '../../shared/adapters/memory/memory-file-stage.ts';
import { MemoryLake } from '../../shared/adapters/memory/memory-lake.ts';
import { MemoryLedgerStore } from '../../shared/adapters/memory/memory-ledger-store.ts';
import { MemoryTelemetry } from '../../shared/adapters/memory/memory-telemetry.ts';
import { backfillLane, formatBackfill, type Backfill } from '../../shared/domain/backfill.ts';
import type { Source } from '../../shared/domain/source.ts';
import { createClaimCache } from '../../shared/pipeline/claim-keys.ts';
import { runLane, type RunOutcome } from '../../shared/pipeline/land.ts';
import { acceptDeletes } from '../../shared/pipeline/reconcile/inventory.ts';
import { createTableReader } from '../../shared/pipeline/table/create-table-reader.ts';
import type { RunSourceDeps } from '../../shared/pipeline/runs/run-source.ts';
import type { TableReader, TableReaderDeps } from '../../shared/pipeline/table/table-reader.ts';
import type { RowKeys } from '../../shared/ports/row-keys.ts';
import { createSimulatedRowKeys } from '../simulation/simulated-row-keys.ts';
import { createSimulatedColumnTables } from '../simulation/simulated-column-tables.ts';
import { SimulatedTables, type SimulatedRow } from '../simulation/simulated-tables.ts';
import { declareTable } from './declare-table.ts';
import type { CursorKind, RowVersion, Transaction } from './simulated-database.ts';
import { SimulatedTableSource } from './simulated-table-source.ts';

const RUN_MS = 900_000;

/** A table whose rows and transactions a test sets by hand. */
class TableByHand {
  readonly #rows = new Map<bigint, RowVersion>();
  open: Transaction[] = [];
  /** Cursors from here on are not given yet. */
  now = 1_000n;
  readonly marks: string[][] = [];

  delete(id: number): void {
    this.#rows.delete(BigInt(id));
  }

  put(id: number, cursor: number, version: string): void {
    const key = BigInt(id);
    this.#rows.set(key, {
      ...{ id: key, cursor: BigInt(cursor), version: version as unknown as number },
      ...{ bornMs: 0, diedMs: undefined, processed: false },
    });
  }

  /** A transaction that began at this cursor is open. */
  begin(number: number, cursor: number): void {
    this.open.push({ number, startedMs: cursor, writes: new Map() });
  }

  rows = (): RowVersion[] => [...this.#rows.values()];
  openTransactions = (): Transaction[] => this.open;
  cursorAt = (ms?: number): bigint => (ms === undefined ? this.now : BigInt(ms));

  get nextId(): bigint {
    return this.now;
  }

  markProcessed = (ids: readonly string[]): void => {
    this.marks.push([...ids]);
    for (const id of ids) {
      const row = this.#rows.get(BigInt(id));
      if (row !== undefined) row.processed = true;
    }
  };
}

/** One table, the reader of its source and everything that it lands in, in memory. */
export class TableWorld {
  readonly clock = new ManualClock({ jump: true });
  readonly rows = new TableByHand();
  /** Called before and between batches. */
  onTurn: () => Promise<void> = () => Promise.resolve();
  readonly table: SimulatedTableSource;
  readonly ledger = new MemoryLedgerStore();
  readonly stage = new MemoryBatchStage();
  readonly files = new MemoryFileStage();
  readonly lake = new MemoryLake();
  readonly telemetry = new MemoryTelemetry();
  readonly #tables = new SimulatedTables();
  #source: ReturnType<typeof declareTable>;
  readonly #claimLog = new MemoryClaimLog({ clock: this.clock });
  /** What compares keys, in place of what it is given. */
  toKeys: (keys: RowKeys) => RowKeys = (keys) => keys;
  /** Bytes that a row counts as while it is held. */
  rowBytes = 100;
  #tokens = 0;

  constructor(settings: Parameters<typeof declareTable>[1] = {}, cursor: CursorKind = 'transaction') {
    this.table = new SimulatedTableSource({
      ...{ database: this.rows, cursor, batchRows: 2, rowsPerSplit: 4 },
      turn: () => this.onTurn(),
    });
    this.#source = this.#declare(settings);
  }

  #declare(settings: Parameters<typeof declareTable>[1]): ReturnType<typeof declareTable> {
    return declareTable(
      { id: 'bigint', at: 'timestamp', version: 'text', processed: 'boolean' },
      { key: ['id'], ...settings },
    );
  }

  /** What is deployed from now on. */
  deploy(settings: Parameters<typeof declareTable>[1]): void {
    this.#source = this.#declare(settings);
  }

  reader(runMs = RUN_MS): TableReader {
    const { clock, table, stage, files, telemetry } = this;
    return createTableReader({
      ...{ source: this.#source, table, stage, files, clock, telemetry },
      columns: createSimulatedColumnTables(this.#tables, this.rowBytes),
      keys: this.toKeys(createSimulatedRowKeys(this.#tables, this.lake, () => this.onTurn())),
      ledger: this.ledger,
      newToken: () => String(this.#tokens++),
      deadlineMs: clock.nowMs() + runMs,
    });
  }

  /** Everything that a function which reads databases is made of. */
  functionDeps(): Omit<RunSourceDeps, 'control' | 'queue' | 'schedule'> &
    Pick<TableReaderDeps, 'columns' | 'files' | 'keys'> {
    const { clock, ledger, lake, telemetry, stage, files } = this;
    return {
      ...{ clock, ledger, lake, telemetry, stage, files },
      claimLog: this.#claimLog,
      claimCache: createClaimCache(),
      tables: this.#tables,
      columns: createSimulatedColumnTables(this.#tables, this.rowBytes),
      keys: createSimulatedRowKeys(this.#tables, lake, () => this.onTurn()),
      sources: new Map<string, Source>([[this.#source.name, this.#source]]),
      configVersion: 'c1',
      newToken: () => String(this.#tokens++),
    };
  }

  async run(
    options: { readonly maxBatchBytes?: number; readonly runMs?: number; readonly owner?: string } = {},
  ): Promise<RunOutcome> {
    const { clock, ledger, lake, telemetry } = this;
    const { runMs = RUN_MS, maxBatchBytes, owner = 'run' } = options;
    const reader = this.reader(runMs);
    const outcome = await runLane(
      {
        ...{ clock, ledger, lake, telemetry, claimLog: this.#claimLog, claimCache: createClaimCache() },
        tables: this.#tables,
        sources: new Map<string, Source>([[this.#source.name, this.#source]]),
        configVersion: 'c1',
        newToken: () => String(this.#tokens++),
      },
      reader,
      {
        owner,
        deadlineMs: clock.nowMs() + runMs,
        ...(maxBatchBytes !== undefined && { maxBatchBytes }),
      },
    );
    reader.observe(await ledger.read(reader.lane));
    return outcome;
  }

  /** Lets the deletes land that are held back. */
  async acceptDeletes(): Promise<void> {
    const { stage, files, clock } = this;
    const { position } = await this.ledger.read(this.lane);
    const { keys } = JSON.parse(position ?? '{}') as { readonly keys?: { readonly begun?: number } };
    await acceptDeletes({ source: this.#source, stage, files, clock }, keys?.begun ?? -1);
  }

  /** A backfill of the source has come so far. */
  async noteBackfill(
    status: Backfill['status'],
    range: { readonly from: string; readonly to: string } = { from: '0', to: '1' },
  ): Promise<void> {
    const lane = backfillLane(this.#source.name);
    const asked = { ...range, step: '1' };
    const plan = { ...range, windows: 1 };
    const startedAtMs = this.clock.nowMs();
    const to = formatBackfill({ v: 1, number: 1, status, asked, plan, parallel: 1, startedAtMs });
    const { version } = await this.ledger.read(lane);
    await this.ledger.commit(lane, version, { from: '', to, records: 0, keys: 0 }, String(this.#tokens++));
  }

  /** Gives up the checkpoint. */
  async reset(): Promise<void> {
    const { version } = await this.ledger.read(this.lane);
    await this.ledger.reposition(this.lane, version, undefined, String(this.#tokens++));
  }

  get lane(): string {
    return `pull/${this.#source.name}`;
  }

  /** Versions that are in the lake, and under which identity. */
  landed(): Record<string, string> {
    const found: Record<string, string> = {};
    for (const { bytes } of this.lake.list())
      for (const { id, raw } of this.#tables.rowsOf(bytes)) {
        const { version } = JSON.parse(raw) as { version: string };
        found[id] = version;
      }
    return found;
  }

  /** Rows that are alive by the newest row of each key, as a reader of the lake finds them: version by key. */
  alive(): Record<string, string> {
    const newest = new Map<string, SimulatedRow & { readonly key: string }>();
    for (const { bytes } of this.lake.list())
      for (const row of this.#tables.rowsOf(bytes)) {
        const key = row.key ?? String((JSON.parse(row.raw) as { id: number }).id);
        if ((row.receivedAtMs ?? 0) > (newest.get(key)?.receivedAtMs ?? -1)) newest.set(key, { ...row, key });
      }
    const alive = [...newest.values()].filter(({ op }) => op === undefined);
    return Object.fromEntries(
      alive.map(({ key, raw }) => [key, (JSON.parse(raw) as { version: string }).version]),
    );
  }

  /** Keys of all rows that say that a row is gone, in order. */
  deletes(): string[] {
    return this.lake
      .list()
      .flatMap(({ bytes }) => this.#tables.rowsOf(bytes))
      .filter(({ op }) => op === 'd')
      .map(({ key }) => key ?? '')
      .sort();
  }

  versions(): string[] {
    return Object.values(this.landed()).sort();
  }
}
