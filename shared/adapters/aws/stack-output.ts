import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { BlockedError } from '../../domain/errors.ts';
import { requireRegion } from './require-region.ts';
import { callAws } from './translate-error.ts';

/** CloudFormation answers a stack that does not exist with this error. */
const NO_SUCH_STACK = 'ValidationError';

/**
 * An output of a deployed stack, found with the credentials, the region and the endpoint of the environment.
 *
 * @throws BlockedError with code `NOT_DEPLOYED` when the stack or the output is not there, `REGION_MISSING` when the
 *   environment names no region
 */
export async function readStackOutput(stack: string, output: string): Promise<string> {
  const client = new CloudFormationClient();
  try {
    await requireRegion(client);
    const { Stacks: stacks } = await callAws(
      { operation: 'DescribeStacks', resource: `stack ${stack}` },
      () => client.send(new DescribeStacksCommand({ StackName: stack })),
    );
    const value = stacks?.[0]?.Outputs?.find(({ OutputKey }) => OutputKey === output)?.OutputValue;
    if (value !== undefined) return value;
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    if (!(cause instanceof Error) || cause.name !== NO_SUCH_STACK) throw error;
  } finally {
    client.destroy();
  }
  throw new BlockedError(
    'NOT_DEPLOYED',
    `stack ${stack} is not deployed in this account and region, or has no output ${output}; ` +
      'run "npx cdk deploy --all", or set AWS_PROFILE, AWS_REGION or AWS_ENDPOINT_URL to where it is',
  );
}
