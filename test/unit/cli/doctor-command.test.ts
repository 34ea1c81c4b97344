import { describe, expect, test } from 'vitest';
import { createDoctorCommand, type DoctorDeps } from '../../../cli/commands/doctor.ts';
import type { OpenChecks } from '../../../cli/open-checks.ts';
import { CommandError, UsageError } from '../../../cli/terminal.ts';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';
import { MemoryParameterStore } from '../../../shared/adapters/memory/memory-parameter-store.ts';
import { parseConfig } from '../../../shared/config/define-config.ts';
import { ACCOUNT_CHECKS } from '../../../shared/domain/doctor/account-checks.ts';
import { BlockedError } from '../../../shared/domain/errors.ts';
import { createFakeAccount } from '../../support/fake-account.ts';

const CONFIG = parseConfig({
  name: 'lab',
  sources: {
    items: {
      ...{ type: 'http', freshness: '1 hour', volume: { gbPerDay: 1 }, key: ['id'] },
      ...{ url: 'https://api.example.com/' },
      contract: { schema: { type: 'object', properties: { id: { type: 'string' } } } },
    },
  },
});

async function run(args: readonly string[], overrides: Partial<DoctorDeps> = {}) {
  const out: string[] = [];
  const err: string[] = [];
  const closed: string[] = [];
  const checks = {
    ...{ clock: new ManualClock(), parameters: new MemoryParameterStore() },
    openPages: () => ({ fetchPage: () => Promise.reject(new BlockedError('PULL_REFUSED', 'status 401')) }),
    close: () => closed.push('checks'),
  } as unknown as OpenChecks;
  const command = createDoctorCommand(
    {
      terminal: { out: (text) => out.push(text), err: (text) => err.push(text), confirm: undefined },
      loadConfig: () => Promise.resolve(CONFIG),
      openChecks: () => checks,
      progress: { update: () => undefined, stop: () => undefined },
      openAccount: () => ({ ...createFakeAccount(), close: () => void closed.push('account') }),
      isLocal: false,
      nodeVersion: '24.0.0',
      ...overrides,
    },
    'headgate.config.ts',
  );
  const failure: unknown = await command
    .exitOverride()
    .parseAsync(args, { from: 'user' })
    .then(
      () => undefined,
      (error: unknown) => error,
    );
  return { out: out.join('\n'), err: err.join('\n'), failure, closed };
}

describe('headgate doctor', () => {
  test('shows one row per check; all well is exit code 0, and no source is looked at', async () => {
    const { out, err, failure, closed } = await run([]);
    expect({ failure, err, closed }).toEqual({ failure: undefined, err: '', closed: ['account'] });
    for (const code of Object.keys(ACCOUNT_CHECKS)) expect(out).toContain(code);
    expect(out).not.toContain('error');
  });

  test('an error says what to do, and is exit code 1', async () => {
    const openAccount: DoctorDeps['openAccount'] = () => ({
      ...createFakeAccount({ bootstrapVersion: () => Promise.resolve({ kind: 'absent' }) }),
      close: () => undefined,
    });
    const { out, failure } = await run([], { openAccount, nodeVersion: '20.0.0' });
    expect(failure).toBeInstanceOf(CommandError);
    expect((failure as Error).message).toBe('not ready: RUNTIME, BOOTSTRAP');
    expect(out).toContain('BOOTSTRAP: npx cdk bootstrap aws://1/eu-west-1');
  });

  test('--connect looks at the sources too', async () => {
    const { out, err, failure, closed } = await run(['--connect']);
    expect(out).toContain('items: error PULL_REFUSED: status 401');
    expect(err).toContain('from this machine');
    expect((failure as Error).message).toBe('not ready: source items');
    expect(closed).toEqual(['account', 'checks']);
  });

  test('--json prints one object', async () => {
    const alone = JSON.parse((await run(['--json'])).out) as Record<string, unknown[]>;
    expect(Object.keys(alone)).toEqual(['checks']);
    expect(alone['checks']).toHaveLength(Object.keys(ACCOUNT_CHECKS).length);
    expect(alone['checks']?.[0]).toEqual({ code: 'RUNTIME', status: 'ok', found: 'Node 24.0.0' });
    const both = JSON.parse((await run(['--json', '--connect'])).out) as Record<string, unknown>;
    expect(both['sources']).toMatchObject([{ source: 'items', ok: false }]);
  });

  test('--local makes sure that no account of AWS is looked at', async () => {
    const openAccount: DoctorDeps['openAccount'] = () => {
      throw new Error('an account is looked at');
    };
    const { failure } = await run(['--local'], { openAccount });
    expect(failure).toBeInstanceOf(UsageError);
    expect((failure as Error).message).toContain('AWS_ENDPOINT_URL');
    expect((await run(['--local'], { isLocal: true })).failure).toBeUndefined();
  });

  test('a deadline that is none is a wrong call', async () => {
    expect((await run(['--deadline', 'soon'])).failure).toBeInstanceOf(UsageError);
  });
});
