import { join } from 'node:path';
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import type { Expectation } from './data/expectation.ts';
import type { LakeFile } from '../shared/adapters/aws/s3-lake-view.ts';
import { isSameRecord, mergeFields } from './same-record.ts';

/** What the lake holds of one source, held against what was sent. */
export interface SourceCheck {
  /** Rows in the lake. */
  readonly landed: number;
  /** Records that are neither in the lake nor in quarantine. */
  readonly lost: number;
  /** Rows of the lake and of quarantine beyond the one (or the copies) that belong there. */
  readonly duplicated: number;
  /** Rows that belong in quarantine and are there. */
  readonly quarantined: number;
  /** Rows in quarantine by reason, expected or not. */
  readonly quarantinedByReason: Readonly<Record<string, number>>;
  readonly files: number;
  readonly parquetBytes: number;
  /** What differs, in sentences that name the first few records; empty if all is well. */
  readonly problems: readonly string[];
}

export interface LakeCheck {
  readonly sources: ReadonlyMap<string, SourceCheck>;
  /** From receipt to the file's arrival in the lake, over all landed rows. */
  readonly latencyMs: { readonly p50: number; readonly p99: number };
  /** What is wrong with the lake as a whole; the sources have their own. */
  readonly problems: readonly string[];
  /** Everything in order: nothing lost, nothing twice, every value as it was sent. */
  readonly ok: boolean;
}

/** Records that a problem names. */
const NAMED_RECORDS = 3;

/**
 * Holds a copy of the lake against what was sent. It knows the lake's layout and nothing else of Headgate.
 *
 * @param folder the copied objects, under their keys
 * @param files what the store said about them
 */
export async function checkLake(
  folder: string,
  files: readonly LakeFile[],
  expectations: ReadonlyMap<string, Expectation>,
): Promise<LakeCheck> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  try {
    await connection.run(`SET TimeZone = 'UTC'`);
    const sources = new Map<string, SourceCheck>();
    const latencies: number[] = [];
    for (const expectation of expectations.values()) {
      const check = new SourceComparison(folder, files, expectation, latencies);
      sources.set(expectation.source, await check.run(connection));
    }
    latencies.sort((a, b) => a - b);
    const problems = findStrangers(files, expectations);
    return {
      sources,
      latencyMs: { p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99) },
      problems,
      ok: problems.length === 0 && [...sources.values()].every((source) => source.problems.length === 0),
    };
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** Files of sources that nobody sent anything to, for example `quarantine/unknown/`. */
function findStrangers(files: readonly LakeFile[], expectations: ReadonlyMap<string, Expectation>): string[] {
  const strangers = files.filter(({ key }) => !expectations.has(key.split('/')[1] ?? ''));
  return strangers.length === 0
    ? []
    : [`files of a source that nothing was sent to: ${nameFirst(strangers.map((file) => file.key))}`];
}

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

function nameFirst(texts: readonly string[]): string {
  const named = texts.slice(0, NAMED_RECORDS).join(', ');
  return texts.length > NAMED_RECORDS ? `${named} and ${String(texts.length - NAMED_RECORDS)} more` : named;
}

/** One pass over the files of one source. */
class SourceComparison {
  readonly #folder: string;
  readonly #expectation: Expectation;
  readonly #latencies: number[];
  readonly #dataFiles: readonly LakeFile[];
  readonly #quarantineFiles: readonly LakeFile[];
  /** Key → text that landed. */
  readonly #landed = new Map<string, string | undefined>();
  readonly #byReason: Record<string, number> = {};
  /** Keys of valid records that are in quarantine against expectation: wrong, but not lost. */
  readonly #keptAside = new Set<string>();
  #rows = 0;
  #quarantined = 0;
  readonly #duplicated: string[] = [];
  readonly #unexpected: string[] = [];
  readonly #different: string[] = [];
  readonly #misplaced: string[] = [];
  readonly #miscounted: string[] = [];
  readonly #lost: string[] = [];

  constructor(folder: string, files: readonly LakeFile[], expectation: Expectation, latencies: number[]) {
    this.#folder = folder;
    this.#expectation = expectation;
    this.#latencies = latencies;
    this.#dataFiles = files.filter(({ key }) => key.startsWith(`raw/${expectation.source}/`));
    this.#quarantineFiles = files.filter(({ key }) => key.startsWith(`quarantine/${expectation.source}/`));
  }

  async run(connection: DuckDBConnection): Promise<SourceCheck> {
    await this.#readRows(connection);
    const inQuarantine = await this.#readQuarantine(connection);
    this.#compareQuarantine(inQuarantine);
    for (const key of this.#expectation.rows.keys()) {
      if (!this.#landed.has(key) && !this.#keptAside.has(key)) this.#lost.push(`key ${key}`);
    }
    const parquetBytes = [...this.#dataFiles, ...this.#quarantineFiles].reduce(
      (sum, file) => sum + file.sizeBytes,
      0,
    );
    return {
      landed: this.#rows,
      lost: this.#lost.length,
      duplicated: this.#duplicated.length,
      quarantined: this.#quarantined,
      quarantinedByReason: this.#byReason,
      files: this.#dataFiles.length + this.#quarantineFiles.length,
      parquetBytes,
      problems: this.#problems(),
    };
  }

  #problems(): string[] {
    const found: [problem: string, records: readonly string[]][] = [
      ['lost', this.#lost],
      ['landed more than once', this.#duplicated],
      ['in a place where they do not belong', this.#unexpected],
      ['landed with another value than was sent', this.#different],
      ['in the partition of another day', this.#misplaced],
      ['other rows in the file than its metadata say', this.#miscounted],
    ];
    return found
      .filter(([, records]) => records.length > 0)
      .map(([problem, records]) => `${problem}: ${String(records.length)} (${nameFirst(records)})`);
  }

  async #readRows(connection: DuckDBConnection): Promise<void> {
    if (this.#dataFiles.length === 0) return;
    const writtenAtMs = new Map(this.#dataFiles.map((file) => [file.key, file.writtenAtMs]));
    const rowsOfFile = new Map<string, number>();
    const result = await connection.stream(
      `SELECT to_json(t)::VARCHAR, _extra::VARCHAR, epoch_ms(_received_at)::DOUBLE, strftime(_event_time, '%Y-%m-%d'), file
       FROM (SELECT t, t._extra, t._received_at, t._event_time, t.filename AS file FROM read_parquet(${this.#paths(this.#dataFiles)},
             union_by_name = true, hive_partitioning = false, filename = true) t)`,
    );
    for await (const rows of result.yieldRowsJs()) {
      for (const [json, extra, receivedAtMs, day, path] of rows as [
        string,
        string | null,
        number,
        string,
        string,
      ][]) {
        const key = path.slice(this.#folder.length + 1);
        rowsOfFile.set(key, (rowsOfFile.get(key) ?? 0) + 1);
        this.#latencies.push((writtenAtMs.get(key) ?? 0) - receivedAtMs);
        this.#addRow(json, extra);
        if (!key.includes(`/dt=${day}/`)) this.#misplaced.push(`an event of ${day} in ${key}`);
      }
    }
    for (const { key, rows } of this.#dataFiles) {
      const found = rowsOfFile.get(key) ?? 0;
      if (found !== rows) this.#miscounted.push(`${key}: ${String(found)}, not ${String(rows)}`);
    }
  }

  #addRow(json: string, extra: string | null): void {
    const columns: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(JSON.parse(json) as Record<string, unknown>)) {
      if (!name.startsWith('_') && name !== 'filename') columns[name] = value;
    }
    const record = (extra === null ? columns : mergeFields(columns, JSON.parse(extra))) as Record<
      string,
      unknown
    >;
    const key = this.#expectation.keyOf(record);
    const texts = this.#expectation.rows.get(key);
    this.#rows += 1;
    if (texts === undefined) {
      this.#unexpected.push(`key ${key}`);
      return;
    }
    if (this.#landed.has(key)) {
      this.#duplicated.push(`key ${key}`);
      return;
    }
    const text = texts.find((candidate) => isSameRecord(JSON.parse(candidate), record));
    if (text === undefined) this.#different.push(`key ${key}`);
    this.#landed.set(key, text);
  }

  /** Copies in quarantine by reason and JSON text. */
  async #readQuarantine(connection: DuckDBConnection): Promise<Map<string, Map<string, number>>> {
    const copies = new Map<string, Map<string, number>>();
    if (this.#quarantineFiles.length === 0) return copies;
    const reader = await connection.runAndReadAll(
      `SELECT reason, hex(raw) FROM read_parquet(${this.#paths(this.#quarantineFiles)},
         union_by_name = true, hive_partitioning = false)`,
    );
    for (const [reason, hex] of reader.getRowsJS() as [string, string][]) {
      const text = Buffer.from(hex, 'hex').toString('utf8');
      const byText = copies.get(reason) ?? new Map<string, number>();
      copies.set(reason, byText.set(text, (byText.get(text) ?? 0) + 1));
      this.#byReason[reason] = (this.#byReason[reason] ?? 0) + 1;
    }
    return copies;
  }

  #compareQuarantine(inQuarantine: Map<string, Map<string, number>>): void {
    const expected = new Map<string, Map<string, number>>([
      ['CONTRACT', this.#expectation.violations],
      ['KEY_CONFLICT', this.#expectedLosers()],
    ]);
    for (const [reason, texts] of expected) {
      for (const [text, copies] of texts) {
        const found = inQuarantine.get(reason)?.get(text) ?? 0;
        const most = copies + (this.#expectation.allowances.get(text) ?? 0);
        this.#quarantined += Math.min(found, copies);
        for (let i = found; i < copies; i++) this.#lost.push(`from quarantine as ${reason}: ${text}`);
        for (let i = most; i < found; i++) this.#duplicated.push(`in quarantine as ${reason}: ${text}`);
      }
    }
    for (const [reason, texts] of inQuarantine) {
      for (const [text, copies] of texts) {
        if (expected.get(reason)?.has(text) === true) continue;
        for (let i = 0; i < copies; i++) this.#unexpected.push(`in quarantine as ${reason}: ${text}`);
        for (const [key, sent] of this.#expectation.rows) if (sent.includes(text)) this.#keptAside.add(key);
      }
    }
  }

  /** Where two payloads were sent under one key, the one that is not in the lake. */
  #expectedLosers(): Map<string, number> {
    const losers = new Map<string, number>();
    for (const [key, texts] of this.#expectation.rows) {
      if (texts.length === 1) continue;
      const landed = this.#landed.get(key);
      for (const text of texts) if (landed !== undefined && text !== landed) losers.set(text, 1);
    }
    return losers;
  }

  #paths(files: readonly LakeFile[]): string {
    return `[${files.map(({ key }) => `'${join(this.#folder, key).replaceAll("'", "''")}'`).join(', ')}]`;
  }
}
