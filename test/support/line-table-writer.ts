import { recordBytes } from '../../shared/domain/frame.ts';
import { recordIdentity } from '../../shared/domain/identity.ts';
import type { QuarantineRow } from '../../shared/domain/quarantine.ts';
import type { TableWriter } from '../../shared/ports/table-writer.ts';

/** A row as `LineTableWriter` writes it. */
export interface WrittenLine {
  readonly id: string;
  readonly raw: string;
  readonly reason?: string;
}

/** Rows of a file that `lineTableWriter` wrote. */
export function readLines(bytes: Uint8Array): WrittenLine[] {
  const text = Buffer.from(bytes).toString();
  return text === '' ? [] : text.split('\n').map((line) => JSON.parse(line) as WrittenLine);
}

/** Rows of a quarantine file that `lineTableWriter` wrote, complete. */
export function readQuarantineLines(bytes: Uint8Array): QuarantineRow[] {
  return readLines(bytes).map((line) => {
    const { key, schemaVersion, ...row } = line as unknown as Omit<QuarantineRow, 'raw'>;
    return { ...row, key, schemaVersion, raw: Buffer.from(line.raw, 'latin1') };
  });
}

const toBytes = (lines: readonly WrittenLine[]): Buffer =>
  Buffer.from(lines.map((line) => JSON.stringify(line)).join('\n'));

/**
 * A table writer of one JSON line per row, for tests of the engine that do not care about Parquet. A record whose text
 * contains `"unwritable"` cannot be written.
 */
export function lineTableWriter(): TableWriter {
  return {
    writeRows(_source, slices) {
      const lines: WrittenLine[] = [];
      const unwritable = [];
      for (const slice of slices) {
        for (const index of slice.indices) {
          const raw = recordBytes(slice.frame, index).toString();
          if (raw.includes('"unwritable"')) unwritable.push({ slice, index, error: 'cannot be written' });
          else lines.push({ id: recordIdentity(slice.origin, slice.firstIndex + index), raw });
        }
      }
      const bytes = lines.length === 0 ? undefined : toBytes(lines);
      return Promise.resolve({ bytes, rows: lines.length, unwritable });
    },
    writeQuarantine: (rows) =>
      Promise.resolve(toBytes(rows.map((row) => ({ ...row, raw: Buffer.from(row.raw).toString('latin1') })))),
    writeTombstone: () => Promise.resolve(new Uint8Array()),
    writeQuarantineTombstone: () => Promise.resolve(new Uint8Array()),
  };
}
