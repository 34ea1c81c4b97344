import { HeadgateError } from '../../shared/domain/errors.ts';
import { forEachLimited } from '../../shared/domain/for-each-limited.ts';
import { parseQuarantineKey } from '../../shared/domain/object-key.ts';
import { parseParkedDelivery } from '../../shared/domain/parked-delivery.ts';
import {
  QUARANTINE_REASONS,
  type QuarantineReason,
  type QuarantineRow,
} from '../../shared/domain/quarantine.ts';
import { parseRowSet } from '../../shared/domain/row-set.ts';
import { quarantineLane, readKnownFile } from '../../shared/pipeline/replay/quarantine-file.ts';
import { countUnlanded } from '../../shared/pipeline/replay/replay-delivery.ts';
import type { OpenReplay } from '../open-replay.ts';
import { newestFirst } from './find-record.ts';
import type { Selection } from './selection.ts';

/** Records in quarantine of one source that are there for one reason. */
export interface QuarantineGroup {
  readonly source: string;
  readonly reason: QuarantineReason;
  /** Rows that are neither replayed nor given up. */
  readonly open: number;
  readonly done: number;
  readonly files: number;
  /** Days of receipt of the oldest and the newest file with open rows; of all files where no row is open. */
  readonly oldest: string;
  readonly newest: string;
  /** What to do about it. */
  readonly next: string;
}

/** Deliveries that a function gave up as a whole. */
export interface ParkedSummary {
  readonly objects: number;
  /** Stream records in them that are not in the lake. */
  readonly open: number;
  /** When the oldest with open records was parked, ISO 8601. */
  readonly oldest: string | undefined;
  /** Objects that cannot be read as parked deliveries. */
  readonly unreadable: readonly string[];
}

/** One record in quarantine. */
export interface ListedRecord {
  /** Names the record for other commands. */
  readonly ref: string;
  readonly key: string;
  /** Number of the row, from 0. */
  readonly number: number;
  readonly row: QuarantineRow;
  readonly isDone: boolean;
}

type Lake = Pick<OpenReplay, 'list' | 'read' | 'engine'>;

/** Requests that are made at once. */
const PARALLEL = 64;
/** Documents that are in memory at once, of 6 MB at most. */
const PARALLEL_DOCUMENTS = 8;

/** What is in quarantine, by source and reason: the most open rows first. */
export async function groupQuarantine(
  { list, engine }: Lake,
  selection: Selection,
): Promise<readonly QuarantineGroup[]> {
  type Group = { -readonly [Name in keyof QuarantineGroup]: QuarantineGroup[Name] };
  const groups = new Map<string, Group>();
  const keys = (await list(selection.prefix)).filter(selection.mayHold);
  await forEachLimited(keys, PARALLEL, async (key) => {
    const place = parseQuarantineKey(key);
    const [facts, state] = await Promise.all([
      engine.quarantine.describe(key),
      engine.ledger.read(quarantineLane(key)),
    ]);
    if (place === undefined || facts?.kind !== 'data') return;
    const { source, reason, day } = place;
    const done = parseRowSet(state.position).size;
    const open = facts.rows - done;
    const name = `${source}/${reason}`;
    const group = groups.get(name);
    if (group === undefined) {
      const { next } = QUARANTINE_REASONS[reason];
      groups.set(name, { source, reason, open, done, files: 1, oldest: day, newest: day, next });
      return;
    }
    const hadOpen = group.open > 0;
    group.open += open;
    group.done += done;
    group.files++;
    if (open > 0 && !hadOpen) [group.oldest, group.newest] = [day, day];
    else if (open > 0 || !hadOpen) {
      if (day < group.oldest) group.oldest = day;
      if (day > group.newest) group.newest = day;
    }
  });
  return [...groups.values()].sort((a, b) => b.open - a.open || (a.source < b.source ? -1 : 1));
}

/** What is parked of streams. */
export async function summariseParked({ list, read, engine }: Lake, prefix: string): Promise<ParkedSummary> {
  const keys = await list(prefix);
  const unreadable: string[] = [];
  let open = 0;
  let oldestMs = Infinity;
  await forEachLimited(keys, PARALLEL_DOCUMENTS, async (key) => {
    const bytes = await read(key);
    try {
      const delivery = parseParkedDelivery(bytes ?? new Uint8Array());
      const left = await countUnlanded(engine, delivery);
      open += left;
      if (left > 0) oldestMs = Math.min(oldestMs, delivery.parkedAtMs);
    } catch (error) {
      if (!(error instanceof HeadgateError) || error.disposition !== 'reject') throw error;
      unreadable.push(key);
    }
  });
  const oldest = oldestMs === Infinity ? undefined : new Date(oldestMs).toISOString();
  return { objects: keys.length, open, oldest, unreadable: unreadable.sort() };
}

/**
 * Records in quarantine, the newest first.
 *
 * @param limit so many at most
 * @param withDone also those that are replayed or given up
 */
export async function listRecords(
  { list, engine }: Lake,
  selection: Selection,
  limit: number,
  withDone: boolean,
): Promise<readonly ListedRecord[]> {
  const found: ListedRecord[] = [];
  for (const key of newestFirst((await list(selection.prefix)).filter(selection.mayHold))) {
    const { rows, done } = await readKnownFile(engine, key);
    for (const [number, row] of rows.entries()) {
      const isDone = done.has(number);
      if ((isDone && !withDone) || !selection.select(row, number)) continue;
      if (found.length === limit) return found;
      found.push({ ref: `${key}#${String(number)}`, key, number, row, isDone });
    }
  }
  return found;
}
