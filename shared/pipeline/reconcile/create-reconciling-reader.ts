import type { DatabaseSourceConfig } from '../../config/schema.ts';
import { toMs } from '../../config/units.ts';
import { backfillLane, isOpen, parseBackfill } from '../../domain/backfill.ts';
import { BlockedError } from '../../domain/errors.ts';
import { heldBackBecause, type Reconciled } from '../../domain/reconciliation.ts';
import { parseTablePosition } from '../../domain/table-position.ts';
import type { LedgerState } from '../../ports/ledger-store.ts';
import type { LaneBatch } from '../lane.ts';
import {
  COMMIT_RESERVE_MS,
  MAX_HELD_BYTES,
  type CursorReader,
  type StagedDeletes,
  type TableReader,
  type TableReaderDeps,
} from '../table/table-reader.ts';
import { deletesName, deletesPrefix } from './deletes-batch.ts';
import {
  beginInventory,
  filesSince,
  findInventory,
  holdBack,
  isAccepted,
  isOver,
  isUsable,
  stageKeysOf,
  takeSteps,
  TOO_LARGE_MS,
  type Findings,
  type Inventory,
} from './inventory.ts';

/** How long one run works on an inventory; the next one reads new rows first. */
const MAX_SHARE_MS = 180_000;
/** Files of one commit at most: an announcement names all of them, in an item of 400 KB. */
const MAX_FILES = 1_000;

type Settings = NonNullable<DatabaseSourceConfig['deletes']>['reconcile'];

/** Fewer are put together in seconds: it is not for their number that a run's time was not enough. */
const MANY_DELETES = 100_000;

/**
 * Reads rows by cursor, and when there are no more, and it is time, finds those that were deleted.
 *
 * Deletes are a commit of the source's own lane. Whoever computes them has read the ledger before he lists the lake: rows
 * that land on the lane after that make his commit a conflict, and rows that landed before it are left out, see
 * inventory.ts. Rows of a backfill are committed in other lanes, so deletes wait until none is on its way; one that begins
 * later reads rows later than `receivedAtMs`. So whatever row of a key is in the lake when its delete is committed, is one
 * that was read before the key was looked for, and is older; and a row that comes later is newer.
 */
export function createReconcilingReader(
  deps: TableReaderDeps,
  rows: CursorReader,
  settings: Settings,
): TableReader {
  const { source, columns, files, keys, clock, telemetry, deadlineMs } = deps;
  const mode = source.config.incremental?.lookback === undefined ? 'cursor' : 'lookback';
  let untilMs: number | undefined;
  let hasProgressed = false;

  async function read(state: LedgerState, maxBytes: number): ReturnType<TableReader['read']> {
    const batch = await rows.read(state, maxBytes);
    if (batch !== undefined || state.position === undefined) return batch;
    const reconciled = parseTablePosition(source.name, mode, state.position)?.keys ?? {};
    if (reconciled.begun === undefined && !isDue(reconciled)) return undefined;
    untilMs ??= Math.min(clock.nowMs() + MAX_SHARE_MS, deadlineMs - COMMIT_RESERVE_MS);
    if (clock.nowMs() >= untilMs) return 'interrupted';
    const inventory = await findBegun(reconciled);
    return inventory === undefined
      ? await begin(state, reconciled)
      : await goOn(state, reconciled, inventory, untilMs);
  }

  function isDue({ done }: Reconciled): boolean {
    return done === undefined || clock.nowMs() - done.startedAtMs >= toMs(settings.every);
  }

  async function findBegun({ begun }: Reconciled): Promise<Inventory | undefined> {
    const inventory = begun === undefined ? undefined : await findInventory(deps, begun);
    return inventory !== undefined && (await isUsable(deps, inventory)) ? inventory : undefined;
  }

  /** The number is that of a commit, which no other inventory of the lane can have. */
  async function begin(state: LedgerState, { done }: Reconciled): Promise<LaneBatch> {
    await beginInventory(deps, state.commits, done?.number);
    return await rows.offerKeys(state, { begun: state.commits, done }, undefined);
  }

  async function goOn(
    state: LedgerState,
    { done }: Reconciled,
    inventory: Inventory,
    endMs: number,
  ): Promise<LaneBatch | 'interrupted' | undefined> {
    const findings = await takeSteps(deps, inventory, endMs, () => {
      hasProgressed = true;
    });
    if (findings === undefined) return 'interrupted';
    await requireFew(inventory, findings);
    // Before the backfill is looked for: one that begins later reads its rows later.
    const nowMs = clock.nowMs();
    if (await isBackfilled()) {
      telemetry.log('info', 'deletes wait for the end of the backfill', { source: source.name });
      return undefined;
    }
    const receivedAtMs = Math.max(nowMs, (findings.newestMs ?? 0) + 1, (done?.landedAtMs ?? 0) + 1);
    const { alive, gone } = findings;
    telemetry.log('info', 'keys were compared', { source: source.name, inLake: alive, gone });
    const { number, startedAtMs } = inventory;
    const deletes = await stageDeletes(state, inventory, findings, receivedAtMs);
    if (deletes === 'interrupted') {
      const endMs = deadlineMs - COMMIT_RESERVE_MS;
      // It was to leave the source, has begun with it late, or its process stood still: that is no reason to pause.
      if (clock.nowMs() < endMs || endMs - nowMs < TOO_LARGE_MS || gone < MANY_DELETES) return deletes;
      throw new BlockedError(
        'DELETES_TOO_MANY',
        `the ${String(gone)} deletes of source ${source.name} could not be put together within the time of one run; declare the table under a new name, so that it is read anew without them`,
      );
    }
    return await rows.offerKeys(state, { done: { number, startedAtMs, landedAtMs: receivedAtMs } }, deletes);
  }

  /** @throws BlockedError with code `DELETES_HELD_BACK` */
  async function requireFew(inventory: Inventory, findings: Findings): Promise<void> {
    const reason = heldBackBecause(findings, settings.holdBackAbove);
    if (reason === undefined || (await isAccepted(deps, inventory.number))) return;
    await holdBack(deps, inventory, reason);
    throw new BlockedError(
      'DELETES_HELD_BACK',
      `${reason}. Nothing was marked as deleted. See whether source ${source.name} reads the right table and its role sees all rows; ` +
        `then compare again with: headgate resume ${source.name}; or let the deletes land with: headgate resume ${source.name} --accept-deletes`,
    );
  }

  async function isBackfilled(): Promise<boolean> {
    const { position } = await deps.ledger.read(backfillLane(source.name));
    const backfill = parseBackfill(source.name, position);
    return backfill !== undefined && isOpen(backfill);
  }

  /**
   * Stages rows for the keys that are gone, but for those that have landed since the inventory was begun.
   *
   * @returns `'interrupted'` when time was up first: it is begun anew, because rows may land meanwhile
   */
  async function stageDeletes(
    { commits }: LedgerState,
    { number, files: known }: Inventory,
    { files: gone }: Findings,
    receivedAtMs: number,
  ): Promise<StagedDeletes | 'interrupted' | undefined> {
    if (gone.length === 0) return undefined;
    const endMs = deadlineMs - COMMIT_RESERVE_MS;
    const attempt = deps.newToken();
    const without = await stageKeysOf(deps, filesSince(await keys.list(source), known), {
      prefix: `${deletesPrefix(source.name, { number, attempt })}/since`,
      untilMs: endMs,
    });
    if (without === undefined) return 'interrupted';
    const staged: StagedDeletes['files'][number][] = [];
    const deletes: StagedDeletes = { number, attempt, receivedAtMs, files: staged };
    const open = (firstIndex: number): ReturnType<typeof columns.open> =>
      columns.open(source, {
        ...{ origin: `${rows.lane}/${String(commits)}`, firstIndex, receivedAtMs },
        op: 'd',
      });
    let firstIndex = 0;
    let table = await open(firstIndex);
    const finish = async (): Promise<void> => {
      firstIndex += table.rows;
      for (const { partition, rows: count, bytes } of table.rows === 0 ? [] : await table.finish()) {
        await files.put(deletesName(source.name, deletes, staged.length), bytes);
        staged.push({ partition, rows: count, bytes: bytes.length });
      }
    };
    try {
      for (const file of gone) {
        for (const batch of await keys.rowsOf(source, { keys: file, without })) {
          if (await isOver(deps, endMs)) return 'interrupted';
          await table.append(batch);
          if (table.bytes < MAX_HELD_BYTES) continue;
          await finish();
          table = await open(firstIndex);
        }
      }
      await finish();
    } finally {
      await table.discard();
    }
    if (staged.length > MAX_FILES) {
      throw new BlockedError(
        'DELETES_TOO_MANY_FILES',
        `the deletes of source ${source.name} have ${String(staged.length)} files, and one commit may have ${String(MAX_FILES)}: their event time is part of the key, and they fall into too many partitions; set partition: "day", or remove eventTime`,
      );
    }
    return staged.length === 0 ? undefined : deletes;
  }

  return { ...rows, read, hasProgressed: () => hasProgressed || rows.hasProgressed() };
}
