import { CloudWatchLogsClient, CreateLogGroupCommand } from '@aws-sdk/client-cloudwatch-logs';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { execa } from 'execa';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
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

const examine = (isLocal: boolean, limitMs = 15_000) =>
  examineAccount({ account, needs: NEEDS, nodeVersion: '24.0.0', isLocal, limitMs });

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
  expect(await account.bootstrapVersion()).toEqual({ kind: 'absent' });
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

describe('the command itself', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'headgate-doctor-'));
    await writeFile(
      join(folder, 'headgate.config.ts'),
      `import { defineConfig } from ${JSON.stringify(resolve('shared/config/define-config.ts'))};
       const schema = { type: 'object', required: ['id'], properties: { id: { type: 'integer' } } };
       const common = { freshness: '1 hour', volume: { gbPerDay: 1 }, contract: { schema } };
       const files = { ...common, type: 'files', format: { type: 'ndjson' } };
       const signature = { preset: 'github', secrets: [{ parameter: '/hooks/set' }] };
       export default defineConfig({ sources: {
         good: { ...files, location: 's3://inbox/good/' },
         bad: { ...files, location: 's3://inbox/bad/' },
         nowhere: { ...files, location: 's3://nowhere/' },
         hooks: { ...common, type: 'webhook', signature },
         unset: { ...common, type: 'webhook', signature: { ...signature, secrets: [{ parameter: '/hooks/unset' }] } },
       } });`,
    );
    const s3 = new S3Client({ ...emulator.connection, forcePathStyle: true });
    await s3.send(new CreateBucketCommand({ Bucket: 'inbox' }));
    for (const [key, body] of [
      ['good/1.ndjson', '{"id":1}\n'],
      ['bad/1.ndjson', '{"id":"one"}\n'],
    ] as const)
      await s3.send(new PutObjectCommand({ Bucket: 'inbox', Key: key, Body: body }));
    s3.destroy();
    const ssm = new SSMClient(emulator.connection);
    await ssm.send(new PutParameterCommand({ Name: '/hooks/set', Type: 'SecureString', Value: 'secret' }));
    ssm.destroy();
  });
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  const headgate = (...args: string[]) =>
    execa(process.execPath, ['--no-warnings', 'cli/main.ts', ...args], {
      env: { AWS_ENDPOINT_URL: emulator.connection.endpoint },
      reject: false,
    });

  test('validate --connect looks at buckets and parameters over the real adapters', async () => {
    const file = join(folder, 'headgate.config.ts');
    const { stdout, stderr, exitCode } = await headgate('validate', file, '--connect', '--json');
    const checked = JSON.parse(stdout) as { source: string; problems: { level: string; code: string }[] }[];
    expect(
      checked.map(({ source, problems }) => [
        source,
        ...problems.map(({ level, code }) => `${level} ${code}`),
      ]),
    ).toEqual([
      ['good'],
      ['bad', 'error SAMPLE_REFUSED'],
      ['nowhere', 'error RESOURCE_MISSING'],
      ['hooks'],
      ['unset', 'error PARAMETER_MISSING'],
    ]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('would not work: bad, nowhere, unset');
  });

  test('doctor --local --connect has both, and ends by itself', async () => {
    const { stdout, exitCode } = await headgate(
      ...['doctor', '--local', '--connect', '--json', '--config', join(folder, 'headgate.config.ts')],
    );
    const { checks, sources } = JSON.parse(stdout) as { checks: { code: string }[]; sources: unknown[] };
    expect(checks.map(({ code }) => code)).toEqual(Object.keys(ACCOUNT_CHECKS));
    expect(sources).toHaveLength(5);
    expect(exitCode).toBe(1);
  });
});

// Last: an emulator may be busy for long with a question that it has no answer to.
test('taken for an account of AWS, every check has an answer, whatever it does not know', async () => {
  const findings = await examine(false, 4_000);
  expect(findings.map(({ code }) => code)).toEqual(Object.keys(ACCOUNT_CHECKS));
  expect(findings.find(({ code }) => code === 'API_RATE')?.status).toBe('skipped');
});
