import { expect, test } from 'vitest';
import type { LakeCheck, SourceCheck } from '../../../demo/check-lake.ts';
import { compileSources, listProblems } from '../../../demo/compile-report.ts';
import { createExpectation, expectReplay, expectRequest } from '../../../demo/data/expectation.ts';
import type { PlannedRecord } from '../../../demo/data/expectation.ts';
import type { PushResult } from '../../../demo/push-requests.ts';

const RECORDS: PlannedRecord[] = [
  { kind: 'valid', text: '{"id":1}' },
  { kind: 'valid', text: '{"id":2}' },
  { kind: 'violation', text: '{"id":"x"}' },
  { kind: 'malformed', text: '{"id":' },
];

const expectation = createExpectation('things', (record) => String(record['id']));
expectRequest(expectation, RECORDS);
expectReplay(expectation, RECORDS);
const expectations = new Map([['things', expectation]]);

const IN_ORDER: SourceCheck = {
  landed: 2,
  lost: 0,
  duplicated: 0,
  quarantined: 1,
  quarantinedByReason: { CONTRACT: 1 },
  files: 2,
  parquetBytes: 100,
  problems: [],
};

function compile(
  found: Partial<SourceCheck>,
  answered: { sent: number; accepted: number; rejected: number },
) {
  const check: LakeCheck = {
    sources: new Map([['things', { ...IN_ORDER, ...found }]]),
    latencyMs: { p50: 1, p99: 1 },
    problems: [],
    ok: true,
  };
  const pushed: PushResult = {
    totals: new Map([['things', { ...answered, requests: 2 }]]),
    requests: 2,
    durationMs: 1,
  };
  const sources = compileSources(expectations, check, pushed);
  return { source: sources.get('things'), problems: listProblems(expectations, check, sources) };
}

test('a repeated request adds to what was sent, accepted and rejected, and its records are duplicates', () => {
  const { source, problems } = compile({}, { sent: 8, accepted: 6, rejected: 2 });
  expect(problems).toEqual([]);
  expect(source).toMatchObject({
    sent: 8,
    accepted: 6,
    rejected: 2,
    landed: 2,
    quarantined: 1,
    duplicate: 3,
  });
});

test.each([
  [
    'the API accepted a record less',
    {},
    { sent: 8, accepted: 5, rejected: 2 },
    'accepted is 5 and must be 6',
  ],
  [
    'the API rejected a record less',
    {},
    { sent: 8, accepted: 6, rejected: 1 },
    'rejected is 1 and must be 2',
  ],
  [
    'a row is missing',
    { landed: 1, lost: 1 },
    { sent: 8, accepted: 6, rejected: 2 },
    'landed is 1 and must be 2',
  ],
  [
    'quarantine is empty',
    { quarantined: 0 },
    { sent: 8, accepted: 6, rejected: 2 },
    'quarantined is 0 and must be 1',
  ],
  ['the lake differs', { problems: ['lost: 1'] }, { sent: 8, accepted: 6, rejected: 2 }, 'things: lost: 1'],
])('a run in which %s is not in order', (_, found, answered, problem) => {
  expect(compile(found, answered).problems.join('\n')).toContain(problem);
});
