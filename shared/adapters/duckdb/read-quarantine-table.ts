import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBBlobValue, DuckDBInstance, type DuckDBValue } from '@duckdb/node-api';
import { RejectedError } from '../../domain/errors.ts';
import { isQuarantineReason, type QuarantineRow } from '../../domain/quarantine.ts';

/**
 * Reads a quarantine file: all rows in order, with every column as it was written.
 *
 * @throws RejectedError with code `QUARANTINE_FILE_FOREIGN` when the bytes are no quarantine file
 */
export async function readQuarantineTable(bytes: Uint8Array): Promise<QuarantineRow[]> {
  const directory = await mkdtemp(join(tmpdir(), 'headgate-quarantine-'));
  try {
    const path = join(directory, 'table.parquet');
    await writeFile(path, bytes);
    return await readFileRows(path);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** No row, with the columns that files of before have not. */
const LATER_COLUMNS = 'SELECT NULL::INTEGER AS attempts, NULL::TIMESTAMPTZ AS last_seen_at WHERE false';

async function readFileRows(path: string): Promise<QuarantineRow[]> {
  const instance = await DuckDBInstance.create(':memory:', {
    threads: '1',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  });
  const connection = await instance.connect();
  try {
    const reader = await connection.runAndReadAll(
      `SELECT source, reason, id, key, epoch_ms(received_at), schema_version, error, raw, attempts, epoch_ms(last_seen_at)
       FROM (
         FROM read_parquet('${path.replaceAll("'", "''")}', file_row_number = true, hive_partitioning = false)
         UNION ALL BY NAME ${LATER_COLUMNS}
       )
       ORDER BY file_row_number`,
    );
    return reader.getRows().map(toRow);
  } catch (error) {
    if (error instanceof RejectedError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw new RejectedError('QUARANTINE_FILE_FOREIGN', `not a quarantine file: ${message}`, { cause: error });
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

function toRow(values: readonly DuckDBValue[]): QuarantineRow {
  const [source, reason, id, key, receivedAtMs, schemaVersion, error, raw, attempts, lastSeenAtMs] = values;
  if (
    typeof source !== 'string' ||
    typeof reason !== 'string' ||
    !isQuarantineReason(reason) ||
    typeof id !== 'string' ||
    typeof receivedAtMs !== 'bigint' ||
    typeof error !== 'string' ||
    !(raw instanceof DuckDBBlobValue)
  ) {
    throw new RejectedError('QUARANTINE_FILE_FOREIGN', 'not a quarantine file: a column lacks a value');
  }
  return {
    source,
    reason,
    id,
    key: typeof key === 'string' ? key : undefined,
    receivedAtMs: Number(receivedAtMs),
    schemaVersion: typeof schemaVersion === 'string' ? schemaVersion : undefined,
    error,
    // DuckDB's buffer belongs to the result, which is closed.
    raw: Uint8Array.from(raw.bytes),
    ...(typeof attempts === 'number' &&
      attempts > 1 &&
      typeof lastSeenAtMs === 'bigint' && { replayed: { number: attempts, atMs: Number(lastSeenAtMs) } }),
  };
}
