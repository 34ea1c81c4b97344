import { parseQuarantineKey } from '../../shared/domain/object-key.ts';
import type { QuarantineRow } from '../../shared/domain/quarantine.ts';
import type { OpenReplay } from '../open-replay.ts';
import { CommandError } from '../terminal.ts';
import type { Selection } from './selection.ts';

/** A record of the quarantine, and where it stands. */
export interface FoundRecord {
  readonly key: string;
  /** Number of the row, from 0. */
  readonly number: number;
  readonly row: QuarantineRow;
}

/** Quarantine files by their day of receipt. */
export function newestFirst(keys: readonly string[]): string[] {
  const dayOf = (key: string): string => parseQuarantineKey(key)?.day ?? '';
  return keys.toSorted((a, b) => (dayOf(a) < dayOf(b) ? 1 : -1));
}

const REFERENCE = /^(quarantine\/.+\.parquet)#(\d+)$/;

/**
 * One record: by its file and row, or by its identity.
 *
 * @param reference `quarantine/….parquet#3`, or an identity, which is looked for in all files that the selection leaves
 * @throws CommandError when there is none; of several with one identity the newest file's is taken
 */
export async function findRecord(
  { list, engine: { quarantine } }: Pick<OpenReplay, 'list' | 'engine'>,
  reference: string,
  selection: Selection,
): Promise<FoundRecord> {
  const [, key, digits] = REFERENCE.exec(reference) ?? [];
  if (key !== undefined) {
    const number = Number(digits);
    const file = await quarantine.read(key);
    const row = file?.rows[number];
    if (row !== undefined) return { key, number, row };
    throw new CommandError(
      file === undefined
        ? `there is no quarantine file ${key}`
        : `${key} has ${String(file.rows.length)} rows, which are numbered from 0`,
    );
  }
  const keys = newestFirst((await list(selection.prefix)).filter(selection.mayHold));
  for (const candidate of keys) {
    const rows = (await quarantine.read(candidate))?.rows ?? [];
    const number = rows.findIndex(({ id }) => id === reference);
    const row = rows[number];
    if (row !== undefined) return { key: candidate, number, row };
  }
  throw new CommandError(
    `no record with the identity ${JSON.stringify(reference)} is in quarantine` +
      `${selection.isNarrow ? ` with ${selection.asked}` : ''}; see: headgate dlq list --records`,
  );
}
