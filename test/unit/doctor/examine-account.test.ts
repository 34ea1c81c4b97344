import { describe, expect, test, vi } from 'vitest';
import { planNeeds } from '../../../shared/config/plan/plan-needs.ts';
import { parseConfig } from '../../../shared/config/define-config.ts';
import { ACCOUNT_CHECKS } from '../../../shared/domain/doctor/account-checks.ts';
import { found, type Answer } from '../../../shared/domain/doctor/answer.ts';
import { examineAccount } from '../../../shared/pipeline/doctor/examine-account.ts';
import type { Account } from '../../../shared/ports/account.ts';
import { createFakeAccount as account } from '../../support/fake-account.ts';

const NEEDS = planNeeds(
  parseConfig({
    name: 'lab',
    sources: {
      orders: {
        ...{ type: 'push', freshness: '30 seconds', volume: { gbPerDay: 1 }, key: ['id'] },
        contract: { schema: { type: 'object', properties: { id: { type: 'string' } } } },
      },
    },
  }),
);

const examine = (of: Account, isLocal = false) =>
  examineAccount({ account: of, needs: NEEDS, nodeVersion: '24.0.0', isLocal, limitMs: 15_000 });

const statuses = (findings: Awaited<ReturnType<typeof examine>>) =>
  Object.fromEntries(findings.map(({ code, status }) => [code, status]));

describe('the examination of an account', () => {
  test('has one finding for each check, in their order', async () => {
    const findings = await examine(account());
    expect(findings.map(({ code }) => code)).toEqual(Object.keys(ACCOUNT_CHECKS));
    expect(new Set(findings.map(({ status }) => status))).toEqual(new Set(['ok']));
  });

  test('asks nothing further without a region or credentials, and skips the rest', async () => {
    const unasked = (): never => {
      throw new Error('asked without credentials');
    };
    const silent = Object.fromEntries(Object.keys(account()).map((name) => [name, unasked]));
    const noRegion = await examine({
      ...(silent as unknown as Account),
      region: () => Promise.resolve({ kind: 'absent' }),
    });
    expect(statuses(noRegion)).toMatchObject({
      RUNTIME: 'ok',
      REGION: 'error',
      CREDENTIALS: 'skipped',
      NAMES: 'skipped',
    });
    const noCredentials = await examine({
      ...(silent as unknown as Account),
      region: () => Promise.resolve(found('eu-west-1')),
      identity: () => Promise.resolve({ kind: 'absent' }),
    });
    expect(statuses(noCredentials)).toMatchObject({
      REGION: 'ok',
      CREDENTIALS: 'error',
      BOOTSTRAP: 'skipped',
    });
    for (const findings of [noRegion, noCredentials]) expect(findings).toHaveLength(14);
  });

  test('shards, tables and names that the deployment has already are not needed again', async () => {
    const streams: (readonly string[])[] = [];
    const deployed = account({
      stack: (name) =>
        Promise.resolve(
          found({
            status: 'UPDATE_COMPLETE',
            resources: [
              ...(name === 'lab-stream' ? [{ type: 'AWS::Kinesis::Stream', id: 'the-stream' }] : []),
              ...NEEDS.names.map((resource) => ({ type: 'x', id: resource.name })),
            ],
          }),
        ),
      exists: () => Promise.resolve(found(true)),
      openShards: (names) => {
        streams.push(names);
        return Promise.resolve(found(NEEDS.shards));
      },
      shardLimits: () => Promise.resolve(found({ open: 200, max: 200 })),
      tableCount: () => Promise.resolve(found(10_000)),
    });
    expect(new Set(Object.values(statuses(await examine(deployed))))).toEqual(new Set(['ok']));
    expect(streams).toEqual([['the-stream']]);
  });

  test('asks about the roles of this account, region and partition; of the root user it asks nothing', async () => {
    const simulated: [string, readonly string[]][] = [];
    const china = account({
      region: () => Promise.resolve(found('cn-north-1')),
      identity: () =>
        Promise.resolve(
          found({ account: '7', arn: 'arn:aws-cn:iam::7:root', partition: 'aws-cn', clockOffsetMs: 0 }),
        ),
      simulate: (principal, actions) => {
        simulated.push([principal, actions]);
        return Promise.resolve(found({ principal, denied: [] }));
      },
    });
    expect(statuses(await examine(china))).toMatchObject({ CREDENTIALS: 'warning', PERMISSIONS: 'ok' });
    expect(simulated).toEqual([
      ['arn:aws-cn:iam::7:role/cdk-hnb659fds-cfn-exec-role-7-cn-north-1', NEEDS.actions],
    ]);
  });

  test('of an emulator nothing is said that it does not have', async () => {
    const findings = statuses(await examine(account(), true));
    const skipped = Object.keys(findings).filter((code) => findings[code] === 'skipped');
    expect(skipped).toEqual([
      ...[
        'BOOTSTRAP',
        'LAMBDA_CONCURRENCY',
        'LAMBDA_STORAGE',
        'KINESIS_SHARDS',
        'API_RATE',
        'DYNAMODB_TABLES',
      ],
      ...['PERMISSIONS', 'DEPLOY_PERMISSIONS'],
    ]);
  });

  test('a question that throws, or is never answered, is a check that was skipped', async () => {
    const broken = account({ lambdaLimits: () => Promise.reject(new Error('a bug')) });
    expect(statuses(await examine(broken))).toMatchObject({ LAMBDA_CONCURRENCY: 'skipped', API_RATE: 'ok' });
    vi.useFakeTimers();
    try {
      const never = <Value>(): Promise<Answer<Value>> => new Promise(() => undefined);
      const examining = examine(account({ tableCount: never, exists: never, simulate: never, stack: never }));
      await vi.advanceTimersByTimeAsync(31_000);
      const findings = await examining;
      expect(statuses(findings)).toMatchObject({
        ...{ DYNAMODB_TABLES: 'skipped', NAMES: 'skipped', PERMISSIONS: 'skipped', STACKS: 'skipped' },
        ...{ LAMBDA_CONCURRENCY: 'ok', BOOTSTRAP: 'ok' },
      });
      expect(findings.find(({ code }) => code === 'STACKS')?.found).toContain('within 15 s');
    } finally {
      vi.useRealTimers();
    }
  });
});
