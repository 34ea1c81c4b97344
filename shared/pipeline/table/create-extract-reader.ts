import { toMs } from '../../config/units.ts';
import { pullLane } from '../../domain/pull-lane.ts';
import { BlockedError } from '../../domain/errors.ts';
import { formatTablePosition, parseTablePosition, type PositionOf } from '../../domain/table-position.ts';
import type { Intent, LedgerState } from '../../ports/ledger-store.ts';
import type { LaneBatch, TableEntry } from '../lane.ts';
import {
  beginExtract,
  findAnnounced,
  findExtract,
  findSplit,
  readSplit,
  splitCount,
  toStagedEntries,
  type ExtractPlan,
  type HeldSplit,
  type StagedSplit,
} from './extract-stage.ts';
import { toTableEntries } from './fill-table.ts';
import { COMMIT_RESERVE_MS, RunNotes, type TableReader, type TableReaderDeps } from './table-reader.ts';

/** Files of one commit at most: an announcement names all of them, compressed, in an item of 400 KB (see `encodeIntent`). */
const MAX_FILES = 30_000;

type Position = PositionOf<'extract'>;

/** How splits that are not staged yet get staged. */
export interface ExtractSteps {
  /** The only extract that is read; by default the one that was begun, or another one if that is due. */
  readonly only?: number;
  /** Stages what is missing, or has it staged. @returns what is staged; `'interrupted'` when a later run has to go on */
  stageSplits(plan: ExtractPlan): Promise<readonly StagedSplit[] | HeldSplit | 'interrupted'>;
}

/**
 * Reads the whole table whenever that is due, and lands it as a new snapshot: all of its rows have one `_received_at`,
 * and appear with one commit. A run that is interrupted is continued by the next one; a new extract is only begun by a
 * run that finds none on its way.
 *
 * @param steps how splits are staged; by default one after the other, here
 */
export function createExtractReader(deps: TableReaderDeps, steps?: ExtractSteps): TableReader {
  const { source, clock, deadlineMs } = deps;
  const lane = pullLane(source.name);
  const notes = new RunNotes(deps);
  const staging = steps ?? stageInTurn(deps, notes);
  /** The extract that was in the lake when the run began. */
  let first: number | undefined;
  /** What was staged by this run or found staged, for when the engine asks again. */
  let ready: { readonly number: number; readonly splits: readonly StagedSplit[] | HeldSplit } | undefined;

  async function read(state: LedgerState): Promise<LaneBatch | 'interrupted' | undefined> {
    notes.observe(state);
    const before = parseTablePosition(source.name, 'extract', state.position);
    const committed = before?.number ?? 0;
    first ??= committed;
    // This run, or one beside it, has finished an extract.
    if (committed > first) return undefined;
    if (clock.nowMs() >= deadlineMs - COMMIT_RESERVE_MS) return 'interrupted';
    const { plan: begun, next } = await findExtract(deps, state);
    if (staging.only !== undefined && begun?.number !== staging.only) return undefined;
    if (begun === undefined && before !== undefined && !isDue(before)) return undefined;
    const plan = begun ?? (await beginExtract(deps, state, next, before?.counted));
    notes.readSince(plan.startedAtMs);
    if (ready?.number !== plan.number) {
      const splits = await staging.stageSplits(plan);
      if (splits === 'interrupted') return 'interrupted';
      ready = { number: plan.number, splits };
    }
    return toBatch(state, plan, ready.splits);
  }

  /** Files stay staged: whoever finds an extract that is being landed goes on with it. */
  async function announced(state: LedgerState, { to }: Intent): Promise<LaneBatch | undefined> {
    first ??= parseTablePosition(source.name, 'extract', state.position)?.number ?? 0;
    const found = await findAnnounced(deps, to);
    if (found === undefined) return undefined;
    notes.readSince(found.plan.startedAtMs);
    return toBatch(state, found.plan, found.splits);
  }

  /**
   * Whether another extract is due. Schedules fire twice, and poll faster than the freshness asks while there is data,
   * as there always is here.
   */
  function isDue({ startedAtMs }: Position): boolean {
    return clock.nowMs() - startedAtMs >= toMs(source.config.freshness) / 2;
  }

  function toBatch(
    state: LedgerState,
    plan: ExtractPlan,
    splits: readonly StagedSplit[] | HeldSplit,
  ): LaneBatch {
    const entries = isHeld(splits)
      ? toTableEntries(deps, splits.files, plan.startedAtMs)
      : toStagedEntries(deps, plan, splits).map(noting);
    requireFewFiles(entries);
    const parts = isHeld(splits) ? [splits] : splits;
    const sum = (of: 'rows' | 'bytes'): number => parts.reduce((total, part) => total + part[of], 0);
    const { number, startedAtMs } = plan;
    const counted = parts.every(({ isCounted }) => isCounted)
      ? { atMs: startedAtMs, rows: sum('rows') }
      : parseTablePosition(source.name, 'extract', state.position)?.counted;
    const to: Position = { v: 1, mode: 'extract', number, startedAtMs, counted };
    return notes.offer(
      state,
      {
        from: state.position ?? formatTablePosition({ v: 1, mode: 'extract', number: 0, startedAtMs: 0 }),
        to: formatTablePosition(to),
        stem: `extract-${String(plan.number)}`,
        entries,
        isStaged: !isHeld(splits),
      },
      { rows: sum('rows'), bytes: sum('bytes') },
    );
  }

  /** Each file that is put is one less for the next run. Others are told that somebody is at it: many files take minutes. */
  const noting = (entry: TableEntry): TableEntry => ({
    ...entry,
    load: async () => {
      await deps.stayHere?.();
      const bytes = await entry.load();
      notes.progress();
      return bytes;
    },
  });

  function requireFewFiles(entries: readonly TableEntry[]): void {
    if (entries.length <= MAX_FILES) return;
    throw new BlockedError(
      'EXTRACT_TOO_MANY_FILES',
      `the extract of source ${source.name} has ${String(entries.length)} files, and one commit may have ${String(MAX_FILES)}: its rows fall into too many partitions, or it is too large to be read as a whole; set partition: "day", remove eventTime, read it with incremental, or declare sources with a query for parts of it`,
    );
  }

  return { lane, read, announced, ...notes.toReport() };
}

const isHeld = (splits: readonly StagedSplit[] | HeldSplit): splits is HeldSplit => !Array.isArray(splits);

/** Splits are read one after the other; a table that is a single small one is not staged at all. */
function stageInTurn(deps: TableReaderDeps, notes: RunNotes): ExtractSteps {
  return {
    stageSplits: async (plan) => {
      const splits: StagedSplit[] = [];
      const count = splitCount(plan);
      let hasRead = false;
      for (let split = 0; split < count; split++) {
        const known = await findSplit(deps, plan, split);
        // Others are told that somebody is at it before minutes pass, and a source that was paused is left.
        if (known === undefined && count > 1 && (await deps.stayHere?.()) !== undefined) return 'interrupted';
        const read = known ?? (await readSplit(deps, plan, split, count === 1));
        if (read === undefined) {
          if (!hasRead) throw splitTooLarge(deps, split);
          return 'interrupted';
        }
        if (!('attempt' in read)) return read;
        if (known === undefined) {
          hasRead = true;
          notes.progress();
        }
        splits.push(read);
      }
      return splits;
    },
  };
}

/** A range that needs more time than a run has would be read for ever. */
export function splitTooLarge({ source }: Pick<TableReaderDeps, 'source'>, split: number): BlockedError {
  const { key, rowsPerSplit } = source.config;
  const wayOut =
    key.length === 0
      ? `declare sources.${source.name}.key, so that the table can be divided`
      : `lower sources.${source.name}.rowsPerSplit (${String(rowsPerSplit)})`;
  return new BlockedError(
    'SPLIT_TOO_LARGE',
    `range ${String(split)} of source ${source.name} could not be read within the time of one run; ${wayOut}`,
  );
}
