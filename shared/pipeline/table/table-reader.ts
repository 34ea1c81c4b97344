import type { DatabaseSourceConfig } from '../../config/schema.ts';
import { keyNotUnique } from '../../domain/key-not-unique.ts';
import type { Source } from '../../domain/source.ts';
import type { BatchStage } from '../../ports/batch-stage.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ColumnTableWriter } from '../../ports/column-table-writer.ts';
import type { FileStage } from '../../ports/file-stage.ts';
import type { Reconciled } from '../../domain/reconciliation.ts';
import type { LedgerState, LedgerStore } from '../../ports/ledger-store.ts';
import type { RowKeys } from '../../ports/row-keys.ts';
import type { TableSource } from '../../ports/table-source.ts';
import type { Telemetry } from '../../ports/telemetry.ts';
import type { LaneBatch, LaneReader, TableEntry } from '../lane.ts';

export interface TableReaderDeps {
  readonly source: Source<DatabaseSourceConfig>;
  readonly table: TableSource;
  readonly columns: ColumnTableWriter;
  readonly stage: BatchStage;
  /** Where the files of a large extract wait until all are there. */
  readonly files: FileStage;
  /** For sources with `deletes`. */
  readonly keys: RowKeys;
  /** Whether a backfill is on its way, or was. */
  readonly ledger: Pick<LedgerStore, 'read'>;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** A text that no other attempt has: letters, digits, `-` and `_`. */
  readonly newToken: () => string;
  /** When the run must be over, ms since the epoch. */
  readonly deadlineMs: number;
  /** To be called now and then by what takes minutes. @returns why the run is to end as soon as it can; undefined to go on */
  readonly stayHere?: () => Promise<string | undefined>;
}

/** A reader of one run over a table of a database. */
export interface TableReader extends LaneReader {
  /** Counts what was received, once it is committed. `read` does so with every call; a run does it at its end. */
  observe(state: LedgerState): void;
  /** Since when the lake may lack what the table has, in ms; undefined while nothing was read. */
  checkpointAgeMs(): number | undefined;
  /** How long the oldest open transaction has held the reading back, in ms; undefined where none does. */
  sourceLagMs(): number | undefined;
  /** Whether the run has staged something that the next one goes on from, although nothing was committed. */
  hasProgressed(): boolean;
}

/** A reader of rows by cursor. */
export interface CursorReader extends TableReader {
  /**
   * Offers, as the next commit of the lane, what is beside the rows: how far reconciliations have come, and deletes. Where
   * commits are staged, another one may have been decided: then that one is offered.
   */
  offerKeys(state: LedgerState, keys: Reconciled, deletes: StagedDeletes | undefined): Promise<LaneBatch>;
}

/** Staged files of rows that say that a row is gone. */
export interface StagedDeletes {
  /** Number of the inventory. */
  readonly number: number;
  readonly attempt: string;
  readonly receivedAtMs: number;
  readonly files: readonly Pick<TableEntry, 'partition' | 'rows' | 'bytes'>[];
}

/** Time left for the commit when a reader stops reading. */
export const COMMIT_RESERVE_MS = 20_000;

/** Held rows of one table at most: with the file that is made of them, and those of others on their way, memory stays below 512 MiB. */
export const MAX_HELD_BYTES = 40 * 1024 * 1024;

/**
 * Refuses to follow rows by cursor that cannot be told apart. To be asked before the first row is read: later, a table
 * that loses its unique index is not noticed.
 *
 * @throws BlockedError with code `DB_KEY_NOT_UNIQUE`
 */
export async function requireUniqueKey({ source, table, deadlineMs }: TableReaderDeps): Promise<void> {
  const { isKeyUnique } = await table.describe(deadlineMs - COMMIT_RESERVE_MS);
  if (isKeyUnique === false) throw keyNotUnique(`the table of source ${source.name}`, source.config.key);
}

/** What was received with one batch. */
export interface Received {
  readonly rows: number;
  readonly bytes: number;
}

/** What a run remembers of itself. Nothing that delivery relies on. */
export class RunNotes {
  readonly #deps: Pick<TableReaderDeps, 'source' | 'clock' | 'telemetry'>;
  #offered:
    | {
        readonly to: string;
        readonly commits: number;
        readonly received: Received;
        readonly whenCommitted: (() => void) | undefined;
      }
    | undefined;
  #readSinceMs: number | undefined;
  #oldestOpenMs: number | undefined;
  #hasProgressed = false;

  constructor(deps: Pick<TableReaderDeps, 'source' | 'clock' | 'telemetry'>) {
    this.#deps = deps;
  }

  /** What is offered with this state; it counts, and is told, when it is committed. */
  offer(state: LedgerState, batch: LaneBatch, received: Received, whenCommitted?: () => void): LaneBatch {
    this.#offered = { to: batch.to, commits: state.commits, received, whenCommitted };
    return batch;
  }

  observe(state: LedgerState): void {
    const offered = this.#offered;
    if (offered === undefined) return;
    // Asked again for the same state, because it was too much: nothing is committed.
    if (state.position === offered.to && state.commits > offered.commits) {
      const { source, telemetry } = this.#deps;
      telemetry.count('RecordsReceived', source.name, offered.received.rows);
      telemetry.count('RecordsAccepted', source.name, offered.received.rows);
      telemetry.count('BytesReceived', source.name, offered.received.bytes);
      offered.whenCommitted?.();
    }
    this.#offered = undefined;
  }

  /** Everything that the table had at this time is read, or will be with the batches that follow. */
  readSince(ms: number): void {
    this.#readSinceMs = ms;
  }

  heldBackSince(ms: number | undefined): void {
    this.#oldestOpenMs = ms;
  }

  progress(): void {
    this.#hasProgressed = true;
  }

  /** What a reader tells about its run. */
  toReport(): Omit<TableReader, 'lane' | 'read'> {
    return {
      observe: (state) => {
        this.observe(state);
      },
      checkpointAgeMs: () => this.#age(this.#readSinceMs),
      sourceLagMs: () => this.#age(this.#oldestOpenMs),
      hasProgressed: () => this.#hasProgressed,
    };
  }

  #age(sinceMs: number | undefined): number | undefined {
    return sinceMs === undefined ? undefined : Math.max(0, this.#deps.clock.nowMs() - sinceMs);
  }
}
