/**
 * What can go wrong with one call of a store.
 *
 * - `crashBefore`, `crashAfter`: the process dies before the effect, after it
 * - `failureBefore`: the store fails, nothing has happened
 * - `throttled`, `denied`: the store refuses; the first may pass, the second fails the invocation
 * - `repeated`: the effect happens, the answer is lost and the SDK sends the request again
 * - `unanswered`: the effect happens, the answer is lost and the caller gets an error
 * - `late`: the caller is told of a failure, repeats or dies, and the request takes effect afterwards
 * - `hang`: the call takes longer than a lease, and others overtake it
 */
export const FAULT_KINDS = [
  'crashBefore',
  'crashAfter',
  'failureBefore',
  'throttled',
  'denied',
  'repeated',
  'unanswered',
  'late',
  'hang',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** Chance of each fault per call. */
export type FaultRates = Readonly<Record<FaultKind, number>>;

/** What was injected, by name: faults of calls, and what befell whole invocations. */
export type FaultCounts = Readonly<Record<string, number>>;

export const STANDARD_RATES: FaultRates = {
  crashBefore: 0.01,
  crashAfter: 0.01,
  failureBefore: 0.007,
  throttled: 0.007,
  denied: 0.003,
  repeated: 0.05,
  unanswered: 0.007,
  late: 0.01,
  hang: 0.02,
};

export const HARSH_RATES: FaultRates = {
  crashBefore: 0.03,
  crashAfter: 0.03,
  failureBefore: 0.02,
  throttled: 0.01,
  denied: 0.01,
  repeated: 0.15,
  unanswered: 0.03,
  late: 0.04,
  hang: 0.04,
};

/** Adds counts by name. */
export function addFaults(total: Record<string, number>, added: FaultCounts): void {
  for (const [kind, times] of Object.entries(added)) total[kind] = (total[kind] ?? 0) + times;
}
