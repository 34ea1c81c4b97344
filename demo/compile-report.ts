import type { LakeCheck } from './check-lake.ts';
import { expectedQuarantined, type Expectation } from './data/expectation.ts';
import type { PushResult } from './push-requests.ts';
import type { SourceReport } from './report.ts';

/** The figures of every source: what was sent and answered, beside what the lake holds. */
export function compileSources(
  expectations: ReadonlyMap<string, Expectation>,
  check: LakeCheck,
  pushed: PushResult,
): Map<string, SourceReport> {
  const reports = new Map<string, SourceReport>();
  for (const [name, expectation] of expectations) {
    const found = check.sources.get(name);
    if (found === undefined) throw new RangeError(`the lake was not checked for ${name}`);
    const answered = pushed.totals.get(name) ?? expectation;
    const once = found.landed - found.duplicated;
    reports.set(name, {
      sent: answered.sent,
      accepted: answered.accepted,
      rejected: answered.rejected,
      duplicate: Math.max(0, answered.accepted - found.quarantined - once - found.lost),
      quarantined: found.quarantined,
      landed: found.landed,
      lost: found.lost,
      duplicated: found.duplicated,
      rawBytes: [...expectation.rows.values()].reduce((sum, [text = '']) => sum + Buffer.byteLength(text), 0),
      parquetBytes: found.parquetBytes,
      files: found.files,
      quarantinedByReason: found.quarantinedByReason,
    });
  }
  return reports;
}

/** Everything that is not as it must be, in sentences; empty if all is well. */
export function listProblems(
  expectations: ReadonlyMap<string, Expectation>,
  check: LakeCheck,
  reports: ReadonlyMap<string, SourceReport>,
): string[] {
  const problems = [...check.problems];
  for (const [name, expectation] of expectations) {
    const report = reports.get(name);
    problems.push(...(check.sources.get(name)?.problems ?? []).map((problem) => `${name}: ${problem}`));
    const expected: Readonly<Record<string, readonly [is: number | undefined, must: number]>> = {
      sent: [report?.sent, expectation.sent],
      accepted: [report?.accepted, expectation.accepted],
      rejected: [report?.rejected, expectation.rejected],
      quarantined: [report?.quarantined, expectedQuarantined(expectation)],
      landed: [report?.landed, expectation.rows.size],
      duplicate: [
        report?.duplicate,
        expectation.accepted - expectation.rows.size - expectedQuarantined(expectation),
      ],
    };
    for (const [figure, [is, must]] of Object.entries(expected)) {
      if (is !== must) problems.push(`${name}: ${figure} is ${String(is)} and must be ${String(must)}`);
    }
  }
  return problems;
}
