import { RejectedError } from '../../domain/errors.ts';
import type { QuarantineRow } from '../../domain/quarantine.ts';
import { parseRowSet } from '../../domain/row-set.ts';
import type { LedgerStore } from '../../ports/ledger-store.ts';
import type { QuarantineFile, QuarantineReader } from '../../ports/quarantine-reader.ts';
import { readSettled, type LandDeps, type RunOptions } from '../land.ts';

const PREFIX = 'quarantine/';

/** The lane of a file's replays: its position is the set of rows that are done. */
export const quarantineLane = (key: string): string => `replay/${key}`;

/** Selects rows of a file; `number` counts from 0. */
export type SelectRow = (row: QuarantineRow, number: number) => boolean;

/** The selected rows of a file by their numbers. */
export function selectRows(
  rows: readonly QuarantineRow[],
  select: SelectRow = () => true,
): ReadonlyMap<number, QuarantineRow> {
  return new Map([...rows.entries()].filter(([number, row]) => select(row, number)));
}

/**
 * The rows of a file that stays.
 *
 * @throws RejectedError with code `QUARANTINE_FILE_MISSING`
 * @returns undefined when the deadline came before it was clear whether it does
 */
export async function readSettledRows(
  deps: LandDeps & { readonly quarantine: QuarantineReader },
  key: string,
  options: RunOptions,
): Promise<readonly QuarantineRow[] | undefined> {
  const file = await readFile(deps.quarantine, key);
  const { intent } = await deps.ledger.read(file.lane);
  const isPending = intent?.objects.some((object) => object.key === key) === true;
  if (isPending && (await readSettled(deps, file.lane, options)) === undefined) return undefined;
  // A file is withdrawn before its announcement is removed. So what is data now, stays.
  return (await deps.lake.kindOf(key)) === 'data' ? file.rows : [];
}

/** @throws RejectedError with code `QUARANTINE_FILE_MISSING` */
export async function readFile(reader: QuarantineReader, key: string): Promise<QuarantineFile> {
  const file = key.startsWith(PREFIX) ? await reader.read(key) : undefined;
  if (file !== undefined) return file;
  throw new RejectedError(
    'QUARANTINE_FILE_MISSING',
    `there is no quarantine file ${JSON.stringify(key)}; name the key of an object under ${PREFIX} in the lake bucket`,
  );
}

/** A file with what is done of it: replayed, or given up. */
export interface KnownFile {
  readonly rows: readonly QuarantineRow[];
  readonly done: ReadonlySet<number>;
}

/** Reads a file, and what the ledger says of its rows. @throws RejectedError with code `QUARANTINE_FILE_MISSING` */
export async function readKnownFile(
  {
    quarantine,
    ledger,
  }: { readonly quarantine: QuarantineReader; readonly ledger: Pick<LedgerStore, 'read'> },
  key: string,
): Promise<KnownFile> {
  const [{ rows }, state] = await Promise.all([readFile(quarantine, key), ledger.read(quarantineLane(key))]);
  return { rows, done: parseRowSet(state.position) };
}
