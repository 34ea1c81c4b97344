import type { PagedSourceConfig } from '../../config/schema.ts';
import { BlockedError, TransientError } from '../../domain/errors.ts';
import { forEachLimited } from '../../domain/for-each-limited.ts';
import { partitionPath } from '../../domain/object-key.ts';
import { markOfHash } from '../../domain/pull-marks.ts';
import type { Source } from '../../domain/source.ts';
import type { LandedKeys } from '../../ports/landed-keys.ts';
import { quoteText } from './column-sql.ts';
import type { LakeFiles } from './duckdb-landed-rows.ts';
import type { DuckDbSession, OpenDuckDb } from './duckdb-session.ts';
import { ScratchFile } from './scratch-file.ts';

/** Keys of one answer: about 60 bytes each. */
const MAX_KEYS = 2_000_000;
/** Files that are fetched at a time; each is in memory meanwhile. */
const PARALLEL_READS = 4;

/** Looks into the Parquet files of a source with DuckDB, file by file. */
export class DuckDbLandedKeys implements LandedKeys {
  readonly #session: DuckDbSession;
  readonly #files: LakeFiles;

  constructor(session: DuckDbSession, files: LakeFiles) {
    this.#session = session;
    this.#files = files;
  }

  async ofDay({ name }: Source<PagedSourceConfig>, day: number | undefined): Promise<Set<string>> {
    const keys = new Set<string>();
    // Of all hours of the day: files of a time when the source was partitioned otherwise are found too.
    const prefix = `raw/${name}/${day === undefined ? '' : `${partitionPath('day', day)}/`}`;
    await this.#collect(prefix, '_key', (hex) => {
      keys.add(Buffer.from(hex, 'hex').toString('latin1'));
      if (keys.size <= MAX_KEYS) return;
      throw new BlockedError(
        'BACKFILL_TOO_MANY_KEYS',
        `the lake has more than ${String(MAX_KEYS)} rows of source ${name}${day === undefined ? '' : ` in ${partitionPath('day', day)}`}, which are too many to look up the keys of: cancel the backfill` +
          (day === undefined ? '; with an eventTime, sources are looked up day by day' : ''),
      );
    });
    return keys;
  }

  async inQuarantine({ name }: Source<PagedSourceConfig>): Promise<ReadonlySet<string>> {
    const marks = new Set<string>();
    await this.#collect(`quarantine/${name}/`, 'sha256(raw)', (hex) => marks.add(markOfHash(hex)));
    return marks;
  }

  /** Gives all values of a column of texts, of all files under a prefix. */
  async #collect(prefix: string, column: string, take: (value: string) => void): Promise<void> {
    await forEachLimited(await this.#files.list(prefix), PARALLEL_READS, async (key) => {
      const bytes = await this.#files.read(key);
      if (bytes === undefined) {
        throw new TransientError(
          'OBJECT_VANISHED',
          `${key} was there and is gone while it was looked up; it is tried again`,
        );
      }
      await this.#session.run((duckDb) => readColumn(duckDb, bytes, column, take));
    });
  }
}

async function readColumn(
  { connection, directory }: OpenDuckDb,
  bytes: Uint8Array,
  column: string,
  take: (value: string) => void,
): Promise<void> {
  const scratch = new ScratchFile(directory, 'landed-keys.parquet');
  try {
    scratch.write(bytes, bytes.length);
    const result = await connection.stream(
      `SELECT ${column} FROM read_parquet(${quoteText(scratch.path)}, hive_partitioning = false)`,
    );
    for (;;) {
      const chunk = await result.fetchChunk();
      if (chunk === null || chunk.rowCount === 0) return;
      for (const value of chunk.getColumnValues(0)) if (typeof value === 'string') take(value);
    }
  } finally {
    scratch.close();
  }
}
