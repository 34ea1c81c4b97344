import type { PagedSourceConfig } from '../../config/schema.ts';
import { BlockedError, TransientError } from '../../domain/errors.ts';
import { forEachLimited } from '../../domain/for-each-limited.ts';
import { partitionPath } from '../../domain/object-key.ts';
import { markOfHash } from '../../domain/pull-marks.ts';
import type { Source } from '../../domain/source.ts';
import type { Clock } from '../../ports/clock.ts';
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
  readonly #clock: Pick<Clock, 'nowMs'>;

  constructor(session: DuckDbSession, files: LakeFiles, clock: Pick<Clock, 'nowMs'>) {
    this.#session = session;
    this.#files = files;
    this.#clock = clock;
  }

  async ofDay(
    { name }: Source<PagedSourceConfig>,
    day: number | undefined,
    deadlineMs: number,
  ): Promise<Set<string>> {
    const keys = new Set<string>();
    // Of all hours of the day: files of a time when the source was partitioned otherwise are found too.
    const prefix = `raw/${name}/${day === undefined ? '' : `${partitionPath('day', day)}/`}`;
    await this.#collect({ prefix, column: '_key', deadlineMs }, (hex) => {
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

  async inQuarantine({ name }: Source<PagedSourceConfig>, deadlineMs: number): Promise<ReadonlySet<string>> {
    const marks = new Set<string>();
    await this.#collect({ prefix: `quarantine/${name}/`, column: 'sha256(raw)', deadlineMs }, (hex) =>
      marks.add(markOfHash(hex)),
    );
    return marks;
  }

  /** Gives all values of a column of texts, of all files under a prefix. */
  async #collect(
    {
      prefix,
      column,
      deadlineMs,
    }: { readonly prefix: string; readonly column: string; readonly deadlineMs: number },
    take: (value: string) => void,
  ): Promise<void> {
    const all = await this.#files.list(prefix);
    await forEachLimited(all, PARALLEL_READS, async (key) => {
      // An invocation that ends in the middle of it would do so again and again, and say nothing.
      if (this.#clock.nowMs() >= deadlineMs) {
        throw new BlockedError(
          'BACKFILL_TOO_MANY_KEYS',
          `what the lake has under ${prefix} (${String(all.length)} files) could not be looked up in the time of one invocation; cancel the backfill, and ask for it with a shorter --window or with fewer pages per commit (pagesPerCommit)`,
        );
      }
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
