import { join } from 'node:path';
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { isSameRecord, mergeFields } from '../../demo/same-record.ts';
import type { LakeFile } from '../../shared/adapters/aws/s3-lake-view.ts';
import { LatencyHistogram } from './latency-histogram.ts';
import { identify, recordOf, type Plan, type SoakRecord, type Writer } from './records.ts';
import type { Tally } from './tally.ts';

/** What the lake holds, held against what was sent. */
export interface SoakCheck {
  readonly landed: number;
  readonly quarantined: number;
  /** Rows in quarantine by reason. */
  readonly reasons: Readonly<Record<string, number>>;
  /** Violations that are there again because the request that carried them was sent again; see `Tally`. */
  readonly retransmitted: number;
  readonly lost: number;
  readonly twice: number;
  readonly files: number;
  readonly parquetBytes: number;
  /** From receipt to the file's creation. */
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number };
  /** What is wrong, in sentences that name the first few records; empty if all is well. */
  readonly problems: readonly string[];
}

const FILES_PER_QUERY = 100;
const NAMED_RECORDS = 3;

/**
 * Reads a copy of the lake, and nothing else. It keeps one bit per record.
 *
 * @param folder the copied objects, under their keys
 * @param mayRetransmit frames that may stand on the stream twice, because the answer to the push function was lost
 */
export async function checkSoak(
  folder: string,
  files: readonly LakeFile[],
  plan: Plan,
  tally: Tally,
  mayRetransmit: number,
): Promise<SoakCheck> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  try {
    await connection.run(`SET TimeZone = 'UTC'`);
    const comparison = new Comparison(folder, plan, tally, mayRetransmit);
    return await comparison.run(connection, files);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** One bit per record of a writer. */
class BitSet {
  readonly #bits: Uint8Array;

  constructor(size: number) {
    this.#bits = new Uint8Array(Math.ceil(size / 8));
  }

  has(n: number): boolean {
    return ((this.#bits[n >> 3] ?? 0) & (1 << (n & 7))) !== 0;
  }

  add(n: number): void {
    this.#bits[n >> 3] = (this.#bits[n >> 3] ?? 0) | (1 << (n & 7));
  }
}

class Findings {
  readonly #names: string[] = [];
  count = 0;

  add(name: string): void {
    this.count++;
    if (this.#names.length < NAMED_RECORDS) this.#names.push(name);
  }

  describe(problem: string): string[] {
    if (this.count === 0) return [];
    const more = this.count - this.#names.length;
    return [
      `${problem}: ${String(this.count)} (${this.#names.join('; ')}${more > 0 ? ` and ${String(more)} more` : ''})`,
    ];
  }
}

class Comparison {
  readonly #folder: string;
  readonly #plan: Plan;
  readonly #tally: Tally;
  readonly #mayRetransmit: number;
  readonly #writers: ReadonlyMap<string, Writer>;
  readonly #landed: ReadonlyMap<Writer, BitSet>;
  /** Rows in quarantine, by writer and number. */
  readonly #quarantined = new Map<string, number>();
  readonly #ids = new Set<string>();
  readonly #reasons: Record<string, number> = {};
  readonly #latency = new LatencyHistogram();
  readonly #lost = new Findings();
  readonly #twice = new Findings();
  readonly #strange = new Findings();
  readonly #different = new Findings();
  readonly #misplaced = new Findings();
  readonly #miscounted = new Findings();
  #rows = 0;
  #quarantineRows = 0;
  #retransmitted = 0;

  constructor(folder: string, plan: Plan, tally: Tally, mayRetransmit: number) {
    this.#folder = folder;
    this.#plan = plan;
    this.#tally = tally;
    this.#mayRetransmit = mayRetransmit;
    this.#writers = new Map(plan.writers.map((writer) => [writer.name, writer]));
    this.#landed = new Map(plan.writers.map((writer) => [writer, new BitSet(tally.acknowledged(writer))]));
  }

  async run(connection: DuckDBConnection, files: readonly LakeFile[]): Promise<SoakCheck> {
    for (const source of new Set(files.map(({ key }) => key.split('/').slice(0, 2).join('/')))) {
      const ofSource = files.filter(({ key }) => key.startsWith(`${source}/`));
      for (let at = 0; at < ofSource.length; at += FILES_PER_QUERY) {
        const some = ofSource.slice(at, at + FILES_PER_QUERY);
        if (source.startsWith('raw/')) await this.#readRows(connection, source.slice('raw/'.length), some);
        else await this.#readQuarantine(connection, some);
      }
    }
    this.#findLost();
    const problems = [
      ...this.#lost.describe('lost'),
      ...this.#twice.describe('there more than once'),
      ...this.#strange.describe('in a place where they do not belong'),
      ...this.#different.describe('landed with another value than was sent'),
      ...this.#misplaced.describe('in a partition of another time'),
      ...this.#miscounted.describe('files with other rows than their metadata say'),
    ];
    return {
      landed: this.#rows,
      quarantined: this.#quarantineRows - this.#retransmitted,
      reasons: this.#reasons,
      retransmitted: this.#retransmitted,
      lost: this.#lost.count,
      twice: this.#twice.count,
      files: files.length,
      parquetBytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      latencyMs: {
        p50: this.#latency.percentile(0.5),
        p99: this.#latency.percentile(0.99),
        max: this.#latency.percentile(1),
      },
      problems,
    };
  }

  async #readRows(connection: DuckDBConnection, source: string, files: readonly LakeFile[]): Promise<void> {
    const rowsOf = new Map(files.map((file) => [this.#pathOf(file), { file, rows: 0 }]));
    const result = await connection.stream(
      `SELECT to_json(t)::VARCHAR, serial::VARCHAR, epoch_ms(_received_at)::DOUBLE, filename
         FROM ${this.#tableOf(files)} t`,
    );
    for await (const chunk of result.yieldRowsJs()) {
      for (const [json, serial, receivedAtMs, path] of chunk as [string, string | null, number, string][]) {
        const entry = rowsOf.get(path);
        if (entry === undefined) throw new Error(`rows of a file that was not asked for: ${path}`);
        entry.rows++;
        this.#latency.add(entry.file.writtenAtMs - receivedAtMs);
        this.#addRow(source, entry.file.key, JSON.parse(json) as Record<string, unknown>, serial);
      }
    }
    for (const { file, rows } of rowsOf.values()) {
      if (rows !== file.rows) this.#miscounted.add(`${file.key}: ${String(rows)}, not ${String(file.rows)}`);
    }
  }

  #addRow(source: string, key: string, row: Record<string, unknown>, serial: string | null): void {
    this.#rows++;
    const sent = this.#sent(row['writer'], row['n']);
    const name = `${String(row['writer'])}/${String(row['n'])}`;
    if (sent?.record.fate.kind !== 'row' || sent.record.fate.source !== source) {
      this.#strange.add(`${name} in ${key}`);
      return;
    }
    const landed = this.#landed.get(sent.writer);
    if (landed?.has(sent.n) === true) this.#twice.add(`${name} in ${key}`);
    landed?.add(sent.n);
    const columns = Object.fromEntries(
      Object.entries(row).filter(([column]) => !column.startsWith('_') && column !== 'filename'),
    );
    const extra = row['_extra'];
    const record = mergeFields(columns, typeof extra === 'string' ? JSON.parse(extra) : extra);
    const expected = JSON.parse(sent.record.text) as { readonly at: string };
    // Digits that a double does not keep are compared as text.
    const sentSerial = /"serial":(-?\d+)/.exec(sent.record.text)?.[1];
    if (!isSameRecord(expected, record) || serial !== sentSerial) this.#different.add(name);
    const [, date, hour = expected.at.slice(11, 13)] = /\/dt=([^/]+)\/(?:hour=(\d+)\/)?/.exec(key) ?? [];
    if (date !== expected.at.slice(0, 10) || hour !== expected.at.slice(11, 13)) {
      this.#misplaced.add(`${name} of ${expected.at} in ${key}`);
    }
  }

  async #readQuarantine(connection: DuckDBConnection, files: readonly LakeFile[]): Promise<void> {
    const result = await connection.stream(
      `SELECT source, reason, id, hex(raw) FROM ${this.#tableOf(files)} t`,
    );
    for await (const chunk of result.yieldRowsJs()) {
      for (const [source, reason, id, hex] of chunk as [string, string, string, string][]) {
        this.#addQuarantined(source, reason, id, Buffer.from(hex, 'hex').toString('utf8'));
      }
    }
  }

  #addQuarantined(source: string, reason: string, id: string, raw: string): void {
    this.#quarantineRows++;
    this.#reasons[reason] = (this.#reasons[reason] ?? 0) + 1;
    const identity = identify(raw);
    const sent = identity && this.#sent(identity.writer, identity.n);
    const name = `${reason} ${identity === undefined ? raw.slice(0, 60) : `${identity.writer}/${String(identity.n)}`}`;
    if (this.#ids.has(id)) this.#twice.add(`${name} (${id})`);
    this.#ids.add(id);
    const fate = sent?.record.fate;
    if (
      sent === undefined ||
      fate?.kind !== 'quarantine' ||
      fate.reason !== reason ||
      fate.source !== source
    ) {
      this.#strange.add(`${name} of ${source}`);
      return;
    }
    // A damaged frame is kept as it was; everything else is the record.
    if (reason !== 'UNREADABLE_FRAME' && raw !== sent.record.text) this.#different.add(name);
    const key = `${sent.writer.name}/${String(sent.n)}`;
    const copies = (this.#quarantined.get(key) ?? 0) + 1;
    this.#quarantined.set(key, copies);
    if (copies <= 1) return;
    const isPushed = sent.writer.source === 'clicks' || sent.writer.source === 'payments';
    const isRepeated = copies <= 1 + this.#tally.repetitionsOf(sent.writer, sent.n);
    if (isRepeated || (isPushed && this.#retransmitted < this.#mayRetransmit)) this.#retransmitted++;
    else this.#twice.add(name);
  }

  #findLost(): void {
    for (const [writer, landed] of this.#landed) {
      for (let n = 0; n < this.#tally.acknowledged(writer); n++) {
        const name = `${writer.name}/${String(n)}`;
        const { fate } = recordOf(this.#plan, writer, n);
        const isThere = fate.kind === 'row' ? landed.has(n) : this.#quarantined.has(name);
        if (!isThere)
          this.#lost.add(fate.kind === 'row' ? name : `${name} from quarantine as ${fate.reason}`);
      }
    }
  }

  /** The record that was sent under this name, if it was. */
  #sent(name: unknown, n: unknown): { writer: Writer; n: number; record: SoakRecord } | undefined {
    const writer = typeof name === 'string' ? this.#writers.get(name) : undefined;
    const number = Number(n);
    if (writer === undefined || !(number < this.#tally.acknowledged(writer))) return undefined;
    return { writer, n: number, record: recordOf(this.#plan, writer, number) };
  }

  /** Files of several versions of a contract have different columns. */
  #tableOf(files: readonly LakeFile[]): string {
    const paths = files.map((file) => `'${this.#pathOf(file).replaceAll("'", "''")}'`);
    return `read_parquet([${paths.join(', ')}], union_by_name = true, filename = true, hive_partitioning = false)`;
  }

  #pathOf({ key }: LakeFile): string {
    return join(this.#folder, key);
  }
}
