import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { QuarantineRow } from '../../shared/domain/quarantine.ts';
import type { Lake, LakeObject } from '../../shared/ports/lake.ts';
import type { QuarantineReader } from '../../shared/ports/quarantine-reader.ts';
import type { TableWriter } from '../../shared/ports/table-writer.ts';

/** A reader, and what writes the files that it reads. */
export interface QuarantineSubject {
  open(): {
    readonly reader: QuarantineReader;
    readonly lake: Lake;
    readonly tables: Pick<TableWriter, 'writeQuarantine' | 'writeQuarantineTombstone'>;
  };
}

const LANE = 'replay/quarantine/orders/reason=CONTRACT/dt=2026-01-01/x-v1.parquet';
const ROW: QuarantineRow = {
  source: 'orders',
  reason: 'CONTRACT',
  id: 'kinesis/s/shard/7/3',
  key: undefined,
  receivedAtMs: 1_772_323_200_123,
  schemaVersion: 'c0ffee',
  error: 'n must be an integer; "é"\n\u{1F98B}',
  raw: Buffer.from('{"n":"ü"}'),
};
const ROWS: readonly QuarantineRow[] = [
  ROW,
  {
    ...ROW,
    id: 'pull/orders/0/1',
    reason: 'KEY_CONFLICT',
    key: '0123456789abcdef0123456789abcdef',
    replayed: { number: 3, atMs: 1_772_400_000_456 },
  },
  {
    ...ROW,
    source: 'unknown',
    reason: 'UNREADABLE_FRAME',
    schemaVersion: undefined,
    raw: Buffer.of(0xff, 0, 0x0a),
  },
];

const plain = (row: QuarantineRow) => ({ ...row, raw: Buffer.from(row.raw).toString('hex') });
const newKey = (): string => `quarantine/orders/reason=CONTRACT/dt=2026-01-01/${randomUUID()}-v1.parquet`;
const objectOf = (kind: LakeObject['kind'], bytes: Uint8Array, rows = 0): LakeObject => ({
  kind,
  lane: LANE,
  bytes,
  rows,
  writtenAtMs: 1,
});

/** What replays rely on, whatever the quarantine lies in. */
export function quarantineReaderContract(subject: QuarantineSubject): void {
  describe('quarantine reader', () => {
    test('gives every row as it was written, and the lane that decides about the file', async () => {
      const { reader, lake, tables } = subject.open();
      const key = newKey();
      await lake.putIfAbsent(key, objectOf('data', await tables.writeQuarantine(ROWS), ROWS.length));
      const file = await reader.read(key);
      expect(file).toMatchObject({ kind: 'data', lane: LANE });
      expect(file?.rows.map(plain)).toEqual(ROWS.map(plain));
      expect(await reader.describe(key)).toEqual({ kind: 'data', rows: ROWS.length });
    });

    test('a file that was withdrawn is a tombstone without rows', async () => {
      const { reader, lake, tables } = subject.open();
      const key = newKey();
      await lake.putIfAbsent(key, objectOf('data', await tables.writeQuarantine(ROWS), ROWS.length));
      await lake.overwrite(key, objectOf('tombstone', await tables.writeQuarantineTombstone()));
      expect(await reader.read(key)).toEqual({ kind: 'tombstone', lane: LANE, rows: [] });
      expect(await reader.describe(key)).toEqual({ kind: 'tombstone', rows: 0 });
    });

    test('a file that is not there is undefined', async () => {
      const { reader } = subject.open();
      expect(await reader.read(newKey())).toBeUndefined();
      expect(await reader.describe(newKey())).toBeUndefined();
    });
  });
}
