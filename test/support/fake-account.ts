import { found } from '../../shared/domain/doctor/answer.ts';
import type { Account } from '../../shared/ports/account.ts';

/** An account in which all is well and nothing is deployed. */
export function createFakeAccount(overrides: Partial<Account> = {}): Account {
  return {
    region: () => Promise.resolve(found('eu-west-1')),
    identity: () =>
      Promise.resolve(
        found({ account: '1', arn: 'arn:aws:iam::1:user/ada', partition: 'aws', clockOffsetMs: 0 }),
      ),
    bootstrapVersion: () => Promise.resolve(found(21)),
    stack: () => Promise.resolve({ kind: 'absent' }),
    lambdaLimits: () =>
      Promise.resolve(found({ concurrent: 1000, unreserved: 1000, codeBytes: 0, maxCodeBytes: 80e9 })),
    shardLimits: () => Promise.resolve(found({ open: 0, max: 200 })),
    openShards: () => Promise.resolve(found(0)),
    tableCount: () => Promise.resolve(found(0)),
    quota: () => Promise.resolve(found(10_000)),
    exists: () => Promise.resolve({ kind: 'absent' }),
    simulate: (principal) => Promise.resolve(found({ principal, denied: [] })),
    ...overrides,
  };
}
