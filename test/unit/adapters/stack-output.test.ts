import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { mockClient } from 'aws-sdk-client-mock';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { readStackOutput } from '../../../shared/adapters/aws/stack-output.ts';

const cloudFormation = mockClient(CloudFormationClient);

beforeEach(() => {
  cloudFormation.reset();
  cloudFormation.onAnyCommand().rejects(new Error('not stubbed'));
  vi.stubEnv('AWS_REGION', 'eu-west-1');
});

afterEach(() => {
  vi.unstubAllEnvs();
});

const stack = (outputs: Readonly<Record<string, string>>) => ({
  StackName: 'lab-storage',
  CreationTime: new Date(0),
  StackStatus: 'CREATE_COMPLETE' as const,
  Outputs: Object.entries(outputs).map(([OutputKey, OutputValue]) => ({ OutputKey, OutputValue })),
});

test('an output is found by its name', async () => {
  cloudFormation
    .on(DescribeStacksCommand, { StackName: 'lab-storage' })
    .resolves({ Stacks: [stack({ Other: 'no', LakeBucketName: 'lake' })] });
  await expect(readStackOutput('lab-storage', 'LakeBucketName')).resolves.toBe('lake');
});

test('a stack or an output that is not there is not deployed', async () => {
  cloudFormation.on(DescribeStacksCommand).resolves({ Stacks: [stack({})] });
  const expected = {
    code: 'NOT_DEPLOYED',
    message: expect.stringContaining('npx cdk deploy --all') as unknown,
  };
  await expect(readStackOutput('lab-storage', 'LakeBucketName')).rejects.toMatchObject(expected);
  cloudFormation
    .on(DescribeStacksCommand)
    .rejects(Object.assign(new Error('text that must not matter'), { name: 'ValidationError' }));
  await expect(readStackOutput('lab-storage', 'LakeBucketName')).rejects.toMatchObject(expected);
});

test('without a region it says what to set, and asks nothing', async () => {
  vi.stubEnv('AWS_REGION', undefined);
  vi.stubEnv('AWS_DEFAULT_REGION', undefined);
  vi.stubEnv('AWS_CONFIG_FILE', '/nonexistent');
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nonexistent');
  await expect(readStackOutput('lab-storage', 'LakeBucketName')).rejects.toMatchObject({
    code: 'REGION_MISSING',
    message: expect.stringContaining('AWS_REGION') as unknown,
  });
  expect(cloudFormation.calls()).toHaveLength(0);
});
