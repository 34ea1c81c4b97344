import { CloudWatchLogsClient, CreateLogGroupCommand } from '@aws-sdk/client-cloudwatch-logs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AwsAccount } from '../../../shared/adapters/aws/aws-account.ts';
import { systemClock } from '../../../shared/adapters/aws/system-clock.ts';
import { parseConfig } from '../../../shared/config/define-config.ts';
import { planNeeds } from '../../../shared/config/plan/plan-needs.ts';
import { ACCOUNT_CHECKS } from '../../../shared/domain/doctor/account-checks.ts';
import { examineAccount } from '../../../shared/pipeline/doctor/examine-account.ts';
import { everything } from '../../infra/configs.ts';
import { startBareEmulator, type BareEmulator } from '../../support/emulator.ts';

/*
 * On an emulator of its own: a real SDK, and a cloud that knows some services and not others.
 */

const NEEDS = planNeeds(parseConfig(everything));
let emulator: BareEmulator;
let account: AwsAccount;
beforeAll(async () => {
  emulator = await startBareEmulator();
  account = new AwsAccount({ clock: systemClock, connect: emulator.connection });
});
afterAll(async () => {
  account.close();
  await emulator.stop();
});

const examine = (isLocal: boolean) =>
  examineAccount({ account, needs: NEEDS, nodeVersion: '24.0.0', isLocal, limitMs: 5_000 });

test('an emulator that is empty is ready', async () => {
  const findings = await examine(true);
  const stateOf = Object.fromEntries(findings.map(({ code, status }) => [code, status]));
  expect(stateOf).toMatchObject({
    RUNTIME: 'ok',
    REGION: 'ok',
    CREDENTIALS: 'ok',
    CLOCK: 'ok',
    STACKS: 'ok',
  });
  // Whatever of the names it can be asked about.
  expect(['ok', 'warning']).toContain(stateOf['NAMES']);
  expect(findings.filter(({ status }) => status === 'error')).toEqual([]);
});

test('taken for an account of AWS, every check has an answer, whatever it does not know', async () => {
  const findings = await examine(false);
  expect(findings.map(({ code }) => code)).toEqual(Object.keys(ACCOUNT_CHECKS));
  expect(findings.find(({ code }) => code === 'BOOTSTRAP')).toMatchObject({
    status: 'error',
    next: 'npx cdk bootstrap aws://000000000000/us-east-1',
  });
});

test('a log group that an older deployment has left is found', async () => {
  const logs = new CloudWatchLogsClient(emulator.connection);
  const [group] = NEEDS.names.filter(({ kind }) => kind === 'log group');
  await logs.send(new CreateLogGroupCommand({ logGroupName: group?.name }));
  logs.destroy();
  const names = (await examine(true)).find(({ code }) => code === 'NAMES');
  expect(names?.status).toBe('error');
  expect(names?.found).toContain(group?.name);
});
