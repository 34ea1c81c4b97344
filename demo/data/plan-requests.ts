import { expectReplay, expectRequest, type Expectation, type PlannedRecord } from './expectation.ts';
import type { Random } from './random.ts';

/** Records that are sent together, and how often. */
export interface PlannedRequest {
  readonly source: string;
  readonly records: readonly PlannedRecord[];
  /** They travel as one request under this key; without one, the client cuts requests and makes keys as it likes. */
  readonly idempotencyKey: string | undefined;
  /** 2 for records that their sender sends again after they were answered. */
  readonly times: 1 | 2;
}

export interface RequestPlan {
  /** JSON texts of valid records with distinct keys. */
  readonly records: readonly string[];
  readonly recordsPerRequest: number;
  /** A copy of a valid record that violates the contract; `serial` makes it unique. */
  readonly violate: (record: string, serial: number) => string;
  /** The same record under the same key with another payload. */
  readonly alter: (record: string) => string;
  /** Of each request's records, one in so many is sent again in a later request. */
  readonly repeatOneIn: number;
  /** Of each request's records, one in so many is followed by one that violates the contract. */
  readonly violateOneIn: number;
  /** Records at the head of the first request that are sent again with another payload, in the last request. */
  readonly conflicts: number;
}

/** Every tenth request is sent twice under one Idempotency-Key, every tenth twice without one; the others once. */
const REPEAT_EVERY = 10;
const REPEATED_WITH_KEY = 3;
const REPEATED_WITHOUT_KEY = 7;

/**
 * Cuts records into requests, and adds what makes ingestion hard: requests sent twice, records repeated across requests, records that violate the contract, lines that are not JSON and one key with
 * two payloads. Notes in `expectation` what must come of it.
 */
export function planRequests(expectation: Expectation, plan: RequestPlan, random: Random): PlannedRequest[] {
  const requests: PlannedRequest[] = [];
  let serial = 0;
  for (let from = 0; from < plan.records.length; from += plan.recordsPerRequest) {
    const fresh = plan.records.slice(from, from + plan.recordsPerRequest);
    const records: PlannedRecord[] = [];
    for (const text of fresh) {
      records.push({ kind: 'valid', text });
      // Records whose key gets a second payload are sent exactly once, so that the loser is in quarantine once.
      if (from > 0 && random.below(plan.repeatOneIn) === 0) {
        const again = plan.conflicts + random.below(from - plan.conflicts);
        records.push({ kind: 'valid', text: plan.records[again] ?? text });
      }
      if (random.below(plan.violateOneIn) === 0) {
        serial += 1;
        const violation = plan.violate(text, serial);
        records.push({ kind: 'violation', text: violation });
        records.push({ kind: 'malformed', text: violation.slice(0, -1) });
      }
    }
    const isLast = from + plan.recordsPerRequest >= plan.records.length;
    if (isLast) {
      for (const text of plan.records.slice(0, plan.conflicts))
        records.push({ kind: 'valid', text: plan.alter(text) });
    }
    requests.push(toRequest(expectation, records, requests.length, isLast, random));
  }
  return requests;
}

function toRequest(
  expectation: Expectation,
  records: readonly PlannedRecord[],
  index: number,
  isLast: boolean,
  random: Random,
): PlannedRequest {
  // The last request is sent once: what it sends under other payloads is to be in quarantine once.
  const isRepeated =
    !isLast && (index % REPEAT_EVERY === REPEATED_WITH_KEY || index % REPEAT_EVERY === REPEATED_WITHOUT_KEY);
  const idempotencyKey = index % REPEAT_EVERY === REPEATED_WITH_KEY ? random.uuid() : undefined;
  expectRequest(expectation, records);
  if (isRepeated && idempotencyKey !== undefined) expectReplay(expectation, records);
  if (isRepeated && idempotencyKey === undefined) expectRequest(expectation, records);
  return { source: expectation.source, records, idempotencyKey, times: isRepeated ? 2 : 1 };
}
