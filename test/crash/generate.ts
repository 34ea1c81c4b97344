import type { Sent } from './truth.ts';

/** What a writer puts on the stream: records as lines of JSON, several in each stream record. */
export interface Generated {
  readonly streamRecords: readonly Buffer[];
  readonly sent: Sent;
  /** Begin of the days that the records are of, ms since the epoch. */
  readonly daysMs: readonly number[];
}

const STREAM_RECORDS = 5;
/** So many that the claims of each day are stored apart from the entry that refers to them, however small the cut. */
const RECORDS_EACH = 240;
const DAYS = 3;
const DAY_MS = 86_400_000;
/** Records of the stream record before that are sent again with the next one. */
const REPEATED = 20;
/** Numbers of records that violate their contract begin here. */
const VIOLATING_FROM = 100_000;
const FIRST_DAY_MS = Date.UTC(2024, 0, 1);

/**
 * Records of one writer: each stream record has some of three days, one that violates the contract, and repeats some of
 * the record before it.
 *
 * @param index of the writer: each has days of its own
 */
export function generate(writer: string, index: number): Generated {
  const valid = new Set<number>();
  const violating = new Set<number>();
  const daysMs = Array.from({ length: DAYS }, (_, day) => FIRST_DAY_MS + (index * DAYS + day) * DAY_MS);
  const lineOf = (n: number): string => {
    const atMs = (daysMs[n % DAYS] ?? 0) + n * 1000;
    return JSON.stringify({ writer, n, at: new Date(atMs).toISOString() });
  };
  const streamRecords = Array.from({ length: STREAM_RECORDS }, (_, at) => {
    const numbers = Array.from({ length: RECORDS_EACH }, (_unused, i) => at * RECORDS_EACH + i);
    const repeated = at === 0 ? [] : numbers.slice(0, REPEATED).map((n) => n - RECORDS_EACH);
    for (const n of numbers) valid.add(n);
    const wrong = VIOLATING_FROM + at;
    violating.add(wrong);
    const lines = [...numbers, ...repeated].map(lineOf);
    return Buffer.from([...lines, JSON.stringify({ writer, n: wrong, at: 'never' })].join('\n'));
  });
  return { streamRecords, sent: { valid, violating }, daysMs };
}
