import type { ManualClock } from '../../shared/adapters/memory/manual-clock.ts';
import type { Rng } from '../simulation/rng.ts';

/** What gives a row its cursor. */
export type CursorKind = 'transaction' | 'statement' | 'application' | 'sequence';

/** A version of a row that was committed. */
export interface RowVersion {
  readonly id: bigint;
  /** Microseconds since the epoch, or the number that a sequence gave. */
  readonly cursor: bigint;
  /** Unique over all versions of all rows. */
  readonly version: number;
  readonly bornMs: number;
  /** When it was replaced or deleted; undefined while it stands. */
  diedMs: number | undefined;
  processed: boolean;
}

interface Write {
  readonly id: bigint;
  /** Undefined: the row is deleted. */
  readonly row: Pick<RowVersion, 'cursor' | 'version'> | undefined;
}

export interface Transaction {
  readonly number: number;
  readonly startedMs: number;
  readonly writes: Map<bigint, Write>;
}

export interface SimulatedDatabaseOptions {
  readonly rng: Rng;
  readonly clock: ManualClock;
  readonly cursor: CursorKind;
  /** Whether rows are only ever added: a log. */
  readonly isLog: boolean;
  /** Longest time from the cursor of a row to its commit, where applications set it; later ones roll back. */
  readonly latenessMs: number;
  /** Whether rows come back under the key of one that was deleted. */
  readonly revives?: boolean;
}

/** Clocks of databases have ticks, so that rows have equal cursors. */
const TICK_MS = 40;
const MAX_OPEN = 4;

const tickOf = (ms: number): bigint => BigInt(Math.floor(ms / TICK_MS) * TICK_MS) * 1000n;

/**
 * A table of a database: transactions that are open at the same time, commit in any order, late or never. It remembers
 * every version that was ever committed.
 */
export class SimulatedDatabase {
  readonly #rng: Rng;
  readonly #clock: ManualClock;
  readonly #options: SimulatedDatabaseOptions;
  readonly #rows = new Map<bigint, RowVersion>();
  readonly #open: Transaction[] = [];
  readonly history: RowVersion[] = [];
  readonly counts = { lateCommits: 0, rollbacks: 0 };
  #nextId = 1n;
  #nextVersion = 1;
  #transactions = 0;

  constructor(options: SimulatedDatabaseOptions) {
    this.#options = options;
    this.#rng = options.rng;
    this.#clock = options.clock;
  }

  /** Something happens: a transaction begins, writes, commits or rolls back. */
  change(): void {
    const rng = this.#rng;
    this.#clock.advance(rng.int(30));
    if (this.#open.length === 0 || (this.#open.length < MAX_OPEN && rng.chance(0.25))) this.#begin();
    const transaction = rng.pick(this.#open);
    if (rng.chance(0.65)) this.#write(transaction);
    else this.#end(transaction, rng.chance(0.85));
  }

  /** All transactions come to their end. */
  settle(): void {
    for (const transaction of [...this.#open]) this.#end(transaction, this.#rng.chance(0.7));
  }

  /** Rows that can be seen now. */
  rows(): RowVersion[] {
    return [...this.#rows.values()];
  }

  openTransactions(): readonly Transaction[] {
    return this.#open;
  }

  /** What the sequence gives next. */
  get nextId(): bigint {
    return this.#nextId;
  }

  /** What a row gets as its cursor at this time; now if undefined. */
  cursorAt(ms = this.#clock.nowMs()): bigint {
    return tickOf(ms);
  }

  markProcessed(ids: readonly string[]): void {
    for (const id of ids) {
      const row = this.#rows.get(BigInt(id));
      if (row !== undefined) row.processed = true;
    }
  }

  #begin(): void {
    this.#open.push({
      number: this.#transactions++,
      startedMs: this.#clock.nowMs(),
      writes: new Map(),
    });
  }

  #write(transaction: Transaction): void {
    const rng = this.#rng;
    const locked = new Set(this.#open.flatMap(({ writes }) => [...writes.keys()]));
    const free = this.#options.isLog ? [] : this.rows().filter(({ id }) => !locked.has(id));
    if (free.length === 0 || rng.chance(0.5)) {
      const id = this.#revived(locked) ?? this.#nextId++;
      this.#put(transaction, id, this.#cursorFor(transaction, id));
      return;
    }
    const { id, cursor } = rng.pick(free);
    const deletes = this.#options.revives === true ? 0.5 : 0.15;
    if (rng.chance(deletes)) transaction.writes.set(id, { id, row: undefined });
    else if (this.#mayKeep(cursor) && rng.chance(0.5)) this.#put(transaction, id, cursor);
    else this.#put(transaction, id, this.#cursorFor(transaction, id));
  }

  /** A key whose row was deleted, now and then. */
  #revived(locked: ReadonlySet<bigint>): bigint | undefined {
    if (this.#options.revives !== true || this.#rng.chance(0.4)) return undefined;
    const gone = new Set(
      this.history.map(({ id }) => id).filter((id) => !this.#rows.has(id) && !locked.has(id)),
    );
    return gone.size === 0 ? undefined : this.#rng.pick([...gone]);
  }

  #put(transaction: Transaction, id: bigint, cursor: bigint): void {
    transaction.writes.set(id, { id, row: { cursor, version: this.#nextVersion++ } });
  }

  #cursorFor({ startedMs }: Transaction, id: bigint): bigint {
    const nowMs = this.#clock.nowMs();
    switch (this.#options.cursor) {
      case 'transaction':
        return tickOf(startedMs);
      case 'statement':
        return tickOf(nowMs);
      case 'application':
        return tickOf(nowMs - this.#rng.int(this.#options.latenessMs / 2));
      case 'sequence':
        return id;
    }
  }

  /** An application may change a row and leave its time as it is. */
  #mayKeep(cursor: bigint): boolean {
    return this.#options.cursor === 'application' && !this.#isLate(cursor);
  }

  #isLate(cursor: bigint): boolean {
    return (
      this.#options.cursor === 'application' && this.#ageMs(cursor) >= this.#options.latenessMs - TICK_MS
    );
  }

  #ageMs(cursor: bigint): number {
    return this.#clock.nowMs() - Number(cursor / 1000n);
  }

  #end(transaction: Transaction, commits: boolean): void {
    this.#open.splice(this.#open.indexOf(transaction), 1);
    const writes = [...transaction.writes.values()];
    if (!commits || writes.some(({ row }) => row !== undefined && this.#isLate(row.cursor))) {
      this.counts.rollbacks++;
      return;
    }
    const nowMs = this.#clock.nowMs();
    if (this.#open.some(({ startedMs }) => startedMs > transaction.startedMs)) this.counts.lateCommits++;
    for (const { id, row } of writes) {
      const former = this.#rows.get(id);
      if (former !== undefined) former.diedMs = nowMs;
      this.#rows.delete(id);
      if (row === undefined) continue;
      const version: RowVersion = { ...row, id, bornMs: nowMs, diedMs: undefined, processed: false };
      this.#rows.set(id, version);
      this.history.push(version);
    }
  }
}
