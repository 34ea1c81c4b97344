import { describe, expect, test } from 'vitest';
import type { AccountFinding } from '../../../shared/domain/doctor/account-checks.ts';
import { found, type Answer } from '../../../shared/domain/doctor/answer.ts';
import type { LambdaLimits, StackAnswers } from '../../../shared/domain/doctor/facts.ts';
import { judgeBootstrap, judgeNames, judgeStacks } from '../../../shared/domain/doctor/judge-deployment.ts';
import {
  judgeApiRate,
  judgeConcurrency,
  judgeShards,
  judgeStorage,
  judgeTables,
} from '../../../shared/domain/doctor/judge-limits.ts';
import {
  judgeClock,
  judgeCredentials,
  judgeRegion,
  judgeRuntime,
} from '../../../shared/domain/doctor/judge-machine.ts';
import { judgeDeployPermissions, judgePermissions } from '../../../shared/domain/doctor/judge-permissions.ts';

const ABSENT = { kind: 'absent' } as const;
const DENIED = { kind: 'denied', action: 'a:Read' } as const;
const UNKNOWN = { kind: 'unknown', problem: 'no answer' } as const;

/** What a finding must be; what is wrong must say what to do. */
function expectFinding(finding: AccountFinding, status: AccountFinding['status'], words = ''): void {
  expect(`${finding.status}: ${finding.found} → ${finding.next ?? ''}`).toContain(words);
  expect(finding.status).toBe(status);
  if (status === 'warning' || status === 'error') expect(finding.next?.length).toBeGreaterThan(10);
  expect(finding.found.length).toBeGreaterThan(0);
}

describe('the machine', () => {
  test.each([
    ['24.0.0', 'ok'],
    ['25.1.2', 'ok'],
    ['22.9.0', 'error'],
    ['9.0.0', 'error'],
  ] as const)('Node %s: %s', (version, status) => {
    expectFinding(judgeRuntime(version), status, version);
  });

  const identity = (arn: string, clockOffsetMs?: number) =>
    found({ account: '111122223333', arn, partition: 'aws', clockOffsetMs });

  test.each([
    [0, 'ok'],
    [59_999, 'ok'],
    [-59_999, 'ok'],
    [60_000, 'warning'],
    [-299_999, 'warning'],
    [300_000, 'error'],
    [-3_600_000, 'error'],
    [undefined, 'skipped'],
  ] as const)('a clock that is %s ms off: %s', (offsetMs, status) => {
    const finding = judgeClock(identity('arn:aws:iam::1:user/a', offsetMs));
    expectFinding(finding, status);
    if (offsetMs !== undefined && status !== 'ok')
      expect(finding.found).toContain(offsetMs > 0 ? 'behind' : 'ahead');
  });

  test('credentials: who they are, or what to do', () => {
    expectFinding(judgeCredentials(identity('arn:aws:iam::1:user/ada')), 'ok', '111122223333');
    expectFinding(judgeCredentials(identity('arn:aws:iam::111122223333:root')), 'warning', 'root');
    expectFinding(judgeCredentials(ABSENT), 'error', 'aws sso login');
    expectFinding(judgeCredentials(DENIED), 'error', 'expired');
    expectFinding(judgeCredentials(UNKNOWN), 'error', 'no answer');
    expectFinding(judgeClock(DENIED), 'skipped');
  });

  test('a region is needed', () => {
    expectFinding(judgeRegion(found('eu-west-1')), 'ok', 'eu-west-1');
    expectFinding(judgeRegion(ABSENT), 'error', 'AWS_REGION');
  });
});

describe('bootstrapping', () => {
  const place = { account: '1', region: 'eu-west-1' };
  const complete = found({ status: 'CREATE_COMPLETE' });
  test.each<[Answer<number>, Answer<{ status: string }>, AccountFinding['status'], string]>([
    [found(6), complete, 'ok', '6'],
    [found(30), complete, 'ok', '30'],
    [found(5), complete, 'error', 'npx cdk bootstrap aws://1/eu-west-1'],
    [ABSENT, ABSENT, 'error', 'npx cdk bootstrap aws://1/eu-west-1'],
    [ABSENT, found({ status: 'ROLLBACK_COMPLETE' }), 'error', 'CDKToolkit is in ROLLBACK_COMPLETE'],
    [DENIED, complete, 'skipped', 'a:Read'],
    [UNKNOWN, UNKNOWN, 'skipped', 'no answer'],
    // The stack need not be readable for it.
    [found(21), DENIED, 'ok', '21'],
  ])('version %o, stack %o: %s', (version, stack, status, words) => {
    expectFinding(judgeBootstrap(version, stack, place), status, words);
  });
});

describe('stacks and names', () => {
  const stack = (name: string, status: string, ...ids: string[]): StackAnswers[number] => [
    name,
    found({ status, resources: ids.map((id) => ({ type: 'T', id })) }),
  ];

  test.each([
    ['CREATE_COMPLETE', 'ok'],
    ['UPDATE_COMPLETE', 'ok'],
    ['UPDATE_ROLLBACK_COMPLETE', 'ok'],
    ['IMPORT_COMPLETE', 'ok'],
    ['UPDATE_FAILED', 'ok'],
    ['REVIEW_IN_PROGRESS', 'ok'],
    ['CREATE_IN_PROGRESS', 'warning'],
    ['UPDATE_COMPLETE_CLEANUP_IN_PROGRESS', 'warning'],
    ['DELETE_IN_PROGRESS', 'warning'],
    ['ROLLBACK_COMPLETE', 'error'],
    ['ROLLBACK_FAILED', 'error'],
    ['CREATE_FAILED', 'error'],
    ['DELETE_FAILED', 'error'],
    ['UPDATE_ROLLBACK_FAILED', 'error'],
  ] as const)('a stack in %s: %s', (status, expected) => {
    const finding = judgeStacks([['a', ABSENT], stack('b', status)]);
    expectFinding(finding, expected, expected === 'ok' ? '1 of 2' : `b is in ${status}`);
    expect(finding.next?.includes('continue-update-rollback') ?? false).toBe(
      status === 'UPDATE_ROLLBACK_FAILED',
    );
  });

  test('nothing is deployed, or nothing is known', () => {
    expectFinding(judgeStacks([['a', ABSENT]]), 'ok', 'nothing is deployed');
    expectFinding(
      judgeStacks([
        ['a', ABSENT],
        ['b', DENIED],
      ]),
      'skipped',
      'a:Read',
    );
  });

  const NAME = { kind: 'function', name: 'lab-push' } as const;
  const OTHER = { kind: 'database', name: 'lab' } as const;
  test('a name is taken if something has it that no stack of the deployment made', () => {
    const stacks = [stack('lab-push', 'CREATE_COMPLETE', 'lab-push')];
    expectFinding(judgeNames([[NAME, ABSENT]], []), 'ok', '1 names');
    expectFinding(judgeNames([[NAME, found(true)]], stacks), 'ok');
    expectFinding(judgeNames([[NAME, found(true)]], [['lab-push', ABSENT]]), 'error', 'function lab-push');
    expectFinding(
      judgeNames(
        [
          [NAME, found(true)],
          [OTHER, found(true)],
        ],
        stacks,
      ),
      'error',
      'database lab',
    );
    expectFinding(
      judgeNames(
        [
          [NAME, ABSENT],
          [OTHER, DENIED],
        ],
        stacks,
      ),
      'warning',
      'a:Read',
    );
    expectFinding(
      judgeNames(
        [
          [NAME, found(true)],
          [OTHER, DENIED],
        ],
        [],
      ),
      'error',
      'a:Read',
    );
    expectFinding(
      judgeNames(
        [
          [NAME, DENIED],
          [OTHER, DENIED],
        ],
        stacks,
      ),
      'skipped',
      'a:Read',
    );
    expectFinding(judgeNames([[NAME, found(true)]], [['lab-push', DENIED]]), 'skipped', 'a:Read');
  });
});

describe('limits', () => {
  const lambda = (concurrent: number, unreserved = concurrent): Answer<LambdaLimits> =>
    found({ concurrent, unreserved, codeBytes: 1e9, maxCodeBytes: 80e9 });
  const push = (instances: number) => ({ instances, requestsPerSecond: 20, requestMs: 50 });
  const nothing = { streams: 0, schedules: 0, work: 0, push: undefined };

  test.each([
    [1000, { streams: 5, schedules: 3, work: 4, push: push(2) }, 'ok', '5 for 5 shards'],
    [10, { ...nothing, streams: 1, push: push(1) }, 'ok', 'about 1 for 20 requests/s'],
    // Exactly enough.
    [10, { streams: 3, schedules: 3, work: 2, push: push(2) }, 'ok', ''],
    [
      10,
      { streams: 3, schedules: 3, work: 2, push: push(3) },
      'warning',
      '2 are left for what is pushed: some 40 requests/s',
    ],
    [10, { streams: 3, schedules: 3, work: 4, push: push(1) }, 'error', 'nothing is left'],
    [10, { ...nothing, streams: 10, schedules: 1 }, 'error', '10 for 10 shards'],
    [10, { ...nothing, schedules: 20 }, 'warning', 'runs wait for each other'],
    [10, { ...nothing, schedules: 10 }, 'ok', ''],
  ] as const)('%i executions at the same time, %o: %s', (limit, needs, status, words) => {
    const finding = judgeConcurrency(lambda(limit), needs);
    expectFinding(finding, status, words);
    if (status !== 'ok') expect(finding.next).toContain('--quota-code L-B99A9384');
  });

  test('what functions have reserved is not there for others', () => {
    const needs = { ...nothing, streams: 5, push: push(5) };
    expectFinding(judgeConcurrency(lambda(100, 10), needs), 'ok', '90 of them reserved');
    expectFinding(judgeConcurrency(lambda(100, 9), needs), 'warning', '91 of them reserved');
  });

  test('code storage', () => {
    expectFinding(judgeStorage(lambda(10)), 'ok', '1.0 of 80.0 GB');
    const full = found({ concurrent: 1, unreserved: 1, codeBytes: 79.6e9, maxCodeBytes: 80e9 });
    expectFinding(judgeStorage(full), 'warning');
    expectFinding(judgeStorage(UNKNOWN), 'skipped');
  });

  test.each([
    [4, { open: 196, max: 200 }, 0, 'ok'],
    [5, { open: 196, max: 200 }, 0, 'error'],
    [5, { open: 196, max: 200 }, 1, 'ok'],
    [2, { open: 200, max: 200 }, 5, 'ok'],
    [0, { open: 200, max: 200 }, 0, 'ok'],
  ])('%i shards of %o, %i owned: %s', (shards, limits, owned, status) => {
    expectFinding(judgeShards(found(limits), found(owned), { shards }), status as 'ok' | 'error');
  });

  test('shards that nobody may count', () => {
    expectFinding(judgeShards(DENIED, found(0), { shards: 1 }), 'skipped', 'a:Read');
    // Without knowing what is owned, all are taken for new.
    expectFinding(judgeShards(found({ open: 0, max: 1 }), DENIED, { shards: 1 }), 'ok', '1 more');
    expectFinding(judgeShards(DENIED, DENIED, { shards: 0 }), 'ok', 'no source');
  });

  test('requests', () => {
    expectFinding(judgeApiRate(found(10_000), { requestsPerSecond: 10_000 }), 'ok', '10000');
    expectFinding(judgeApiRate(found(2_500), { requestsPerSecond: 2_501 }), 'warning', '429');
    expectFinding(judgeApiRate(DENIED, { requestsPerSecond: 1 }), 'skipped', 'a:Read');
    expectFinding(judgeApiRate(ABSENT, { requestsPerSecond: 1 }), 'skipped', 'not known');
    expectFinding(judgeApiRate(DENIED, { requestsPerSecond: 0 }), 'ok');
  });

  test('tables', () => {
    const judge = (used: number, isDeployed: boolean): AccountFinding =>
      judgeTables(found(used), found(2_500), { tables: 3, isDeployed });
    expectFinding(judge(2_497, false), 'ok', '3 more');
    expectFinding(judge(2_498, false), 'error');
    expectFinding(judge(2_500, true), 'ok', '0 more');
    expectFinding(judgeTables(DENIED, found(1), { tables: 3, isDeployed: false }), 'skipped', 'a:Read');
    expectFinding(judgeTables(found(1), ABSENT, { tables: 3, isDeployed: false }), 'skipped', 'not known');
  });
});

describe('permissions', () => {
  const simulated = (...denied: string[]) => found({ principal: 'arn:aws:iam::1:role/dev', denied });
  test('of the caller: the roles of CDK', () => {
    expectFinding(judgePermissions(simulated(), []), 'ok', 'role/dev');
    expectFinding(judgePermissions(simulated('sts:AssumeRole'), ['arn:x']), 'error', '"Resource":["arn:x"]');
    expectFinding(judgePermissions(DENIED, []), 'skipped', 'a:Read');
  });
  test('of the role that creates resources', () => {
    expectFinding(judgeDeployPermissions(simulated()), 'ok');
    expectFinding(judgeDeployPermissions(simulated('kms:CreateKey')), 'error', 'kms:CreateKey');
    expectFinding(judgeDeployPermissions(ABSENT), 'skipped', 'no such role');
  });
});
