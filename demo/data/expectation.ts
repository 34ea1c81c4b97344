/**
 * What is sent, and therefore what must be in the lake at the end. It is kept as plain sets of keys and texts, on
 * purpose without any of Headgate's own code: a mistake in the keys or contracts of the platform cannot hide here.
 */
export interface Expectation {
  readonly source: string;
  /** The key of a record, in the words of this source: unique text. */
  readonly keyOf: (record: Readonly<Record<string, unknown>>) => string;
  /** Key → the JSON texts that were sent under it; one of them must land, once. */
  readonly rows: Map<string, string[]>;
  /** JSON text of each record that violates the contract → copies that must be in quarantine as `CONTRACT`. */
  readonly violations: Map<string, number>;
  /**
   * JSON text → further copies that may be in quarantine, because a request was repeated after an answer that left open
   * whether it had been stored.
   */
  readonly allowances: Map<string, number>;
  /** Records sent, in all requests, repeated ones included. */
  sent: number;
  /** Of these, records that Headgate must accept: all that are JSON. */
  accepted: number;
  /** Of these, records that are not JSON and must be refused. */
  rejected: number;
}

/** One record of a request. */
export interface PlannedRecord {
  /** `valid` meets the contract, `violation` is JSON that does not, `malformed` is not JSON. */
  readonly kind: 'valid' | 'violation' | 'malformed';
  readonly text: string;
}

/** An expectation of nothing. */
export function createExpectation(source: string, keyOf: Expectation['keyOf']): Expectation {
  return {
    source,
    keyOf,
    rows: new Map(),
    violations: new Map(),
    allowances: new Map(),
    sent: 0,
    accepted: 0,
    rejected: 0,
  };
}

/**
 * Adds the records of a request that Headgate sees for the first time, or again without an Idempotency-Key: then its
 * violations are kept in quarantine again, while its valid records are recognised by their keys.
 */
export function expectRequest(expectation: Expectation, records: readonly PlannedRecord[]): void {
  for (const { kind, text } of records) {
    if (kind === 'valid') expectRow(expectation, text);
    if (kind === 'violation') {
      expectation.violations.set(text, (expectation.violations.get(text) ?? 0) + 1);
    }
  }
  count(expectation, records);
}

/** Adds a request that is answered from its first answer, because it has the same Idempotency-Key: nothing is new. */
export function expectReplay(expectation: Expectation, records: readonly PlannedRecord[]): void {
  count(expectation, records);
}

/** A request was sent once more and nobody can tell whether the attempt before had been stored. */
export function allowRepetition(expectation: Expectation, records: readonly PlannedRecord[]): void {
  for (const { text } of records)
    expectation.allowances.set(text, (expectation.allowances.get(text) ?? 0) + 1);
}

function count(expectation: Expectation, records: readonly PlannedRecord[]): void {
  const malformed = records.filter((record) => record.kind === 'malformed').length;
  expectation.sent += records.length;
  expectation.rejected += malformed;
  expectation.accepted += records.length - malformed;
}

function expectRow(expectation: Expectation, text: string): void {
  const key = expectation.keyOf(JSON.parse(text) as Record<string, unknown>);
  const texts = expectation.rows.get(key);
  if (texts === undefined) expectation.rows.set(key, [text]);
  else if (!texts.includes(text)) texts.push(text);
}

/** Records that must be in quarantine because another payload was accepted under their key. */
export function expectedConflicts(expectation: Expectation): number {
  let conflicts = 0;
  for (const texts of expectation.rows.values()) conflicts += texts.length - 1;
  return conflicts;
}

/** All rows that must be in quarantine. */
export function expectedQuarantined(expectation: Expectation): number {
  let violations = 0;
  for (const copies of expectation.violations.values()) violations += copies;
  return violations + expectedConflicts(expectation);
}
