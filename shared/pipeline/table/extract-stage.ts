import { hash } from 'node:crypto';
import * as z from 'zod';
import { toMs } from '../../config/units.ts';
import { pullLane } from '../../domain/pull-lane.ts';
import { BlockedError, TransientError } from '../../domain/errors.ts';
import { forEachLimited } from '../../domain/for-each-limited.ts';
import { parseTablePosition, type PositionOf } from '../../domain/table-position.ts';
import type { ColumnFile, ColumnTable } from '../../ports/column-table-writer.ts';
import type { LedgerState } from '../../ports/ledger-store.ts';
import type { KeyText, TableRead } from '../../ports/table-source.ts';
import type { TableEntry } from '../lane.ts';
import { COMMIT_RESERVE_MS, type TableReaderDeps } from './table-reader.ts';

/*
 * A full read of a table: an *extract*. It is divided by the key into *splits*. A split is read by one statement, its
 * files are staged as they fill, under names that no other attempt has; then one attempt of each split is decided. When
 * all splits are decided, all of their files go into the lake with one commit. So whoever reads splits, in whatever
 * order and how often, an extract is in the lake as a whole or not at all.
 *
 *   pull/<source>/extract                             batch n: the plan of extract n
 *   pull/<source>/extract/<n>-<t>                     batch i: which attempt of split i counts, and its files
 *   pull/<source>/extract/<n>-<t>/<i>/<attempt>/<k>   file k of the attempt
 *
 * `t` is when the extract began. Plans expire before splits that were staged later: should the number be used again,
 * those are not taken for its own.
 */

/** Staged files expire, four days after they were written at the earliest (`FileStage`): an older extract is begun anew. */
const MAX_EXTRACT_AGE_MS = 2 * 86_400_000;
/** One that is landing by then may go on with that. */
const MAX_LANDING_AGE_MS = 3 * 86_400_000;
/** Less than `MAX_HELD_BYTES`: one part is filled while files are made of the one before. */
const MAX_PART_BYTES = 32 * 1024 * 1024;
/** Splits of one extract that are looked up at the same time. */
const PARALLEL_READS = 16;

const planSchema = z.object({
  /** `_received_at` of all its rows, ms since the epoch. */
  startedAtMs: z.number(),
  /** Commits of the lane when it was begun. It goes on from there or not at all: a position can be reset by hand. */
  commits: z.int(),
  /** What was read and how files were made of it, see `shapeOf`. */
  shape: z.string(),
  /** Whether the database is to count the rows that are read of it. */
  isCounted: z.boolean().default(false),
  /** See `TableSource.planBoundaries`. */
  boundaries: z.array(z.array(z.string())),
});

/** What an extract is, decided once. */
export interface ExtractPlan extends Readonly<Omit<z.infer<typeof planSchema>, 'boundaries'>> {
  /** Extracts of a source count from 1. */
  readonly number: number;
  readonly boundaries: readonly KeyText[];
}

const splitSchema = z.object({
  attempt: z.string(),
  rows: z.number(),
  /** Raw bytes, about. */
  bytes: z.number(),
  /** Whether the database has counted as many rows. */
  isCounted: z.boolean().default(false),
  files: z.array(z.object({ partition: z.number(), rows: z.number(), bytes: z.number() })),
});

/** A split that is staged. */
export type StagedSplit = z.infer<typeof splitSchema>;

export const splitCount = ({ boundaries }: ExtractPlan): number => boundaries.length + 1;

type StageDeps = Pick<TableReaderDeps, 'source' | 'stage' | 'files' | 'clock'>;

const extractLane = ({ source }: StageDeps): string => `${pullLane(source.name)}/extract`;
const splitLane = (deps: StageDeps, { number, startedAtMs }: ExtractPlan): string =>
  `${extractLane(deps)}/${String(number)}-${String(startedAtMs)}`;
const splitName = (deps: StageDeps, plan: ExtractPlan, split: number): string =>
  `${splitLane(deps, plan)}/${String(split)}`;

/**
 * The extract that is being read; undefined if none was begun since the last commit, or none that can be gone on with:
 * it is too old, or the source was declared otherwise when it was begun.
 */
export async function findExtract(
  deps: StageDeps,
  state: Pick<LedgerState, 'position' | 'commits'>,
): Promise<{ readonly plan: ExtractPlan | undefined; readonly next: number }> {
  const committed = parseTablePosition(deps.source.name, 'extract', state.position)?.number ?? 0;
  for (let number = Math.max(committed, state.commits) + 1; ; number++) {
    const bytes = await deps.stage.find(extractLane(deps), number);
    if (bytes === undefined) return { plan: undefined, next: number };
    const plan = toPlan(deps, number, bytes);
    if (isUsable(deps, state, plan)) return { plan, next: number };
  }
}

/**
 * Begins extract `number`, unless somebody else has.
 *
 * @param counted the last extract whose rows were counted
 */
export async function beginExtract(
  deps: TableReaderDeps,
  state: Pick<LedgerState, 'commits'>,
  number: number,
  counted: PositionOf<'extract'>['counted'],
): Promise<ExtractPlan> {
  const { source, table, clock, stage, deadlineMs } = deps;
  const startedAtMs = clock.nowMs();
  const isCounted = isCountDue(deps, counted, startedAtMs);
  const boundaries = await table.planBoundaries({
    rowsPerSplit: source.config.rowsPerSplit,
    deadlineMs: deadlineMs - COMMIT_RESERVE_MS,
  });
  const { commits } = state;
  const bytes = Buffer.from(
    JSON.stringify({ startedAtMs, commits, shape: shapeOf(deps), isCounted, boundaries }),
  );
  const plan = toPlan(deps, number, await stage.decide(extractLane(deps), number, bytes));
  return isUsable(deps, state, plan) ? plan : await beginExtract(deps, state, number + 1, counted);
}

function isCountDue(
  { source: { config } }: StageDeps,
  counted: PositionOf<'extract'>['counted'],
  nowMs: number,
): boolean {
  if (config.probe === false) return false;
  return counted === undefined || nowMs - counted.atMs >= toMs(config.probe.every);
}

function isUsable(deps: StageDeps, { commits }: Pick<LedgerState, 'commits'>, plan: ExtractPlan): boolean {
  const isYoung = deps.clock.nowMs() - plan.startedAtMs < MAX_EXTRACT_AGE_MS;
  return isYoung && plan.commits === commits && plan.shape === shapeOf(deps);
}

/**
 * What rows and files of an extract depend on. Those that were staged before a deployment that changes it do not go with
 * those that are staged after it: they may be of another table, lack a column, or be divided into other partitions.
 */
function shapeOf({ source: { config, contract } }: StageDeps): string {
  const { type, connection, table, query, columns, key, undeclared, eventTime, partition, changes } = config;
  const { host, port, database } = connection;
  return hash(
    'sha256',
    JSON.stringify([
      ...[type, host, port, database, table, query, Object.entries(columns), key],
      ...[undeclared, eventTime, partition, changes, contract.version],
    ]),
    'base64url',
  );
}

function toPlan(deps: StageDeps, number: number, bytes: Uint8Array): ExtractPlan {
  return { number, ...parseStaged(deps, planSchema, bytes) };
}

/** The decided attempt of a split; undefined if none is. */
export async function findSplit(
  deps: StageDeps,
  plan: ExtractPlan,
  split: number,
): Promise<StagedSplit | undefined> {
  const bytes = await deps.stage.find(splitLane(deps, plan), split);
  return bytes && parseStaged(deps, splitSchema, bytes);
}

/** All splits of an extract; or the first one that is not staged (any more). */
export async function findSplits(
  deps: StageDeps,
  plan: ExtractPlan,
): Promise<readonly StagedSplit[] | { readonly missing: number }> {
  const splits: StagedSplit[] = [];
  let missing: number | undefined;
  const numbers = Array.from({ length: splitCount(plan) }, (_, i) => i);
  await forEachLimited(numbers, PARALLEL_READS, async (split) => {
    const staged = await findSplit(deps, plan, split);
    if (staged === undefined) missing = Math.min(split, missing ?? split);
    else splits[split] = staged;
  });
  return missing === undefined ? splits : { missing };
}

/**
 * The extract whose landing brings the lane to this position, whatever the source is declared as by now; undefined when it
 * is too old, or not all of its splits are staged.
 */
export async function findAnnounced(
  deps: StageDeps,
  to: string,
): Promise<{ readonly plan: ExtractPlan; readonly splits: readonly StagedSplit[] } | undefined> {
  const position = parseTablePosition(deps.source.name, 'extract', to);
  if (position === undefined) return undefined;
  const bytes = await deps.stage.find(extractLane(deps), position.number);
  const plan = bytes && toPlan(deps, position.number, bytes);
  if (plan?.startedAtMs !== position.startedAtMs) return undefined;
  if (deps.clock.nowMs() - plan.startedAtMs >= MAX_LANDING_AGE_MS) return undefined;
  const splits = await findSplits(deps, plan);
  return 'missing' in splits ? undefined : { plan, splits };
}

/** Files of a split that is so small that they are in memory together. */
export interface HeldSplit {
  readonly rows: number;
  readonly bytes: number;
  readonly isCounted: boolean;
  readonly files: readonly ColumnFile[];
}

/**
 * Reads a split with one statement and stages it.
 *
 * @param mayHold whether a split that fits into one table is to be returned instead
 * @returns undefined when time was up first: what was staged of it expires
 */
export async function readSplit(
  deps: TableReaderDeps,
  plan: ExtractPlan,
  split: number,
  mayHold: boolean,
): Promise<StagedSplit | HeldSplit | undefined> {
  const { stage, files } = deps;
  const attempt = deps.newToken();
  const origin = splitName(deps, plan, split);
  const staged: StagedSplit = { attempt, rows: 0, bytes: 0, isCounted: false, files: [] };
  const keys = { from: plan.boundaries[split - 1], to: plan.boundaries[split] };
  let counted: number | undefined;
  const read = {
    keys,
    ...(plan.isCounted && {
      onCounted: (rows: number): void => {
        counted = rows;
      },
    }),
  };
  for await (const part of readParts(deps, read, { origin, receivedAtMs: plan.startedAtMs })) {
    if (part === 'interrupted') return undefined;
    if (part.isLast && counted !== undefined) {
      requireCount(deps, split, staged.rows + part.rows, counted);
      staged.isCounted = true;
    }
    if (mayHold && part.isLast && staged.files.length === 0) return { ...part, isCounted: staged.isCounted };
    staged.rows += part.rows;
    staged.bytes += part.bytes;
    for (const { partition, rows, bytes } of part.files) {
      // It exists when the answer to the call before was lost: nobody else has this name.
      await files.put(`${origin}/${attempt}/${String(staged.files.length)}`, bytes);
      staged.files.push({ partition, rows, bytes: bytes.length });
    }
  }
  const decided = await stage.decide(splitLane(deps, plan), split, Buffer.from(JSON.stringify(staged)));
  return parseStaged(deps, splitSchema, decided);
}

/** What is read of one snapshot is all of it, or nothing of it lands. */
function requireCount({ source }: StageDeps, split: number, rows: number, counted: number): void {
  if (rows === counted) return;
  throw new TransientError(
    'DB_COUNT_DIFFERS',
    `${String(rows)} rows were read of range ${String(split)} of source ${source.name}, and the database counts ${String(counted)} in the same snapshot; nothing of the range lands, and it is read again. Should it go on: see whether a proxy stands in front of the database, and declare probe: false if the database cannot count`,
  );
}

interface Part extends Omit<HeldSplit, 'isCounted'> {
  readonly isLast: boolean;
}

/**
 * Rows of one statement, part by part: what is held is bounded to two of them, whatever the size of the whole. Files of one
 * are made, on a thread of the writer, while the next is read.
 *
 * @param lake rows count on through all parts
 */
export async function* readParts(
  deps: TableReaderDeps,
  read: Omit<TableRead, 'deadlineMs'>,
  lake: { readonly origin: string; readonly receivedAtMs: number },
): AsyncGenerator<Part | 'interrupted'> {
  const { source, table, columns, clock, deadlineMs } = deps;
  const untilMs = deadlineMs - COMMIT_RESERVE_MS;
  const batches = table.read({ ...read, deadlineMs: untilMs })[Symbol.asyncIterator]();
  let firstIndex = 0;
  /** The part before: its files are made while the next rows are read. */
  let finishing: Promise<Part> | undefined;
  try {
    for (let isLast = false; !isLast;) {
      const held = await columns.open(source, { ...lake, firstIndex });
      const before = finishing;
      let isFull = false;
      try {
        while (!isLast && held.bytes < MAX_PART_BYTES) {
          if (clock.nowMs() >= untilMs) {
            yield 'interrupted';
            return;
          }
          // It ends with the split, not before: what was read of it would be for nothing.
          await deps.stayHere?.();
          const next = await batches.next();
          if (next.done === true) isLast = true;
          else await held.append(next.value.rows);
        }
        isFull = true;
      } finally {
        if (!isFull) await held.discard();
      }
      firstIndex += held.rows;
      finishing = finishPart(held, isLast);
      // It is waited for in its turn, whatever comes before that.
      finishing.catch(() => undefined);
      if (before !== undefined) yield await before;
    }
    if (finishing !== undefined) yield await finishing;
  } finally {
    await finishing?.catch(() => undefined);
    await batches.return?.();
  }
}

async function finishPart(held: ColumnTable, isLast: boolean): Promise<Part> {
  const { rows, bytes } = held;
  try {
    return { rows, bytes, files: rows === 0 ? [] : await held.finish(), isLast };
  } finally {
    await held.discard();
  }
}

/** Staged files as entries of a lane. */
export function toStagedEntries(
  deps: StageDeps,
  plan: ExtractPlan,
  splits: readonly StagedSplit[],
): TableEntry[] {
  const { source } = deps;
  return splits.flatMap(({ attempt, files }, split) => {
    const names = `${splitName(deps, plan, split)}/${attempt}`;
    return files.map(({ partition, rows, bytes }, file): TableEntry => ({
      ...{ kind: 'table', source, partition, rows, bytes },
      receivedAtMs: plan.startedAtMs,
      load: async () => {
        const loaded = await deps.files.read(`${names}/${String(file)}`);
        if (loaded !== undefined) return loaded;
        throw new TransientError(
          'STAGED_FILE_VANISHED',
          `file ${String(file)} of ${names} was staged and is gone; nothing may delete files that are not committed. The extract is begun anew two days after its beginning`,
        );
      },
    }));
  });
}

function parseStaged<Value>(deps: StageDeps, schema: z.ZodType<Value>, bytes: Uint8Array): Value {
  try {
    return schema.parse(JSON.parse(Buffer.from(bytes).toString()));
  } catch (cause) {
    throw new BlockedError(
      'UNREADABLE_EXTRACT',
      `what is staged of the extract of source ${deps.source.name} is not what this version of Headgate can read; deploy the version that wrote it, or remove landing/${extractLane(deps)}/ to begin the extract anew`,
      { cause },
    );
  }
}
