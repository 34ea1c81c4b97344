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
    for (const file of this.#dataFiles) {
      const table = `read_parquet(${this.#path(file)}, hive_partitioning = false)`;
      const groups = await connection.runAndReadAll(
        `SELECT epoch_ms(_received_at)::DOUBLE, strftime(_event_time, '%Y-%m-%d'), count(*)::DOUBLE FROM ${table} GROUP BY ALL`,
      );
      let rows = 0;
      for (const [receivedAtMs, day, count] of groups.getRowsJS() as [number, string, number][]) {
        rows += count;
        for (let i = 0; i < count; i++) this.#latencies.push(file.writtenAtMs - receivedAtMs);
        if (!file.key.includes(`/dt=${day}/`)) this.#misplaced.push(`events of ${day} in ${file.key}`);
      }
      if (rows !== file.rows) this.#miscounted.push(`${file.key}: ${String(rows)}, not ${String(file.rows)}`);
      const result = await connection.stream(`SELECT to_json(t)::VARCHAR FROM ${table} t`);
      for await (const chunk of result.yieldRowsJs())
        for (const [json] of chunk as [string][]) this.#addRow(json);
    }
  }

  #addRow(json: string): void {
    const row = JSON.parse(json) as Record<string, unknown>;
    const columns: Record<string, unknown> = {};
    for (const name in row) if (!name.startsWith('_')) columns[name] = row[name];
    const extra = row['_extra'];
    // Text or JSON, depending on how the file declares the column.
    const record = mergeFields(columns, typeof extra === 'string' ? JSON.parse(extra) : extra);
    const key = this.#expectation.keyOf(record as Record<string, unknown>);
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
      `SELECT reason, hex(raw) FROM read_parquet([${this.#quarantineFiles.map((file) => this.#path(file)).join(', ')}],
         hive_partitioning = false)`,
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

  #path({ key }: LakeFile): string {
    return `'${join(this.#folder, key).replaceAll("'", "''")}'`;
  }
}
