import { recordBytes } from '../../shared/domain/frame.ts';
import { recordIdentity } from '../../shared/domain/identity.ts';
import type { QuarantineRow } from '../../shared/domain/quarantine.ts';
import type { TableWriter } from '../../shared/ports/table-writer.ts';

/** A row of a simulated file. */
export interface SimulatedRow {
  readonly id: string;
  readonly raw: string;
  readonly reason: string | undefined;
  /** Where rows are compared by key: its text; by default what `raw` has as its id. */
  readonly key?: string;
  /** `_received_at` and `_op`, of rows of tables. */
  readonly receivedAtMs?: number;
  readonly op?: 'd' | undefined;
}

/** Files of a run: what stands in the lake is the number of a file, so that nobody has to parse it. */
export class SimulatedTables implements TableWriter {
  readonly #files: (readonly SimulatedRow[])[] = [];
  /** Files of the quarantine as they were written, by number. */
  readonly #quarantine = new Map<number, readonly QuarantineRow[]>();

  writeRows: TableWriter['writeRows'] = (_source, slices) => {
    const rows: SimulatedRow[] = [];
    const unwritable = [];
    for (const slice of slices) {
      for (const index of slice.indices) {
        const raw = recordBytes(slice.frame, index).toString();
        if (raw.includes('"unwritable"')) unwritable.push({ slice, index, error: 'cannot be written' });
        else
          rows.push({
            id: recordIdentity(slice.origin, slice.firstIndex + index),
            ...{ raw, reason: undefined, receivedAtMs: slice.frame.header.receivedAtMs },
          });
      }
    }
    return Promise.resolve({
      bytes: rows.length === 0 ? undefined : this.fileOf(rows),
      rows: rows.length,
      unwritable,
    });
  };

  writeQuarantine: TableWriter['writeQuarantine'] = (rows) => {
    this.#quarantine.set(this.#files.length, rows);
    return Promise.resolve(
      this.fileOf(rows.map(({ id, raw, reason }) => ({ id, raw: Buffer.from(raw).toString(), reason }))),
    );
  };

  writeTombstone: TableWriter['writeTombstone'] = () => Promise.resolve(new Uint8Array());

  writeQuarantineTombstone: TableWriter['writeQuarantineTombstone'] = () => Promise.resolve(new Uint8Array());

  /** Rows of a file; a tombstone has none. */
  rowsOf(bytes: Uint8Array): readonly SimulatedRow[] {
    return bytes.length === 0 ? [] : (this.#files[Buffer.from(bytes).readUInt32LE(0)] ?? []);
  }

  /** Rows of a file of the quarantine, for its reader. */
  quarantineOf(bytes: Uint8Array): readonly QuarantineRow[] {
    return this.#quarantine.get(Buffer.from(bytes).readUInt32LE(0)) ?? [];
  }

  /** A file of these rows. */
  fileOf(rows: readonly SimulatedRow[]): Buffer {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(this.#files.length);
    this.#files.push(rows);
    return bytes;
  }
}
