import { DescribeStackResourcesCommand, type CloudFormationClient } from '@aws-sdk/client-cloudformation';

/** The names that the resources of a deployed stack have got, by logical id. */
export async function physicalNames(
  client: CloudFormationClient,
  stackName: string,
): Promise<ReadonlyMap<string, string>> {
  const { StackResources } = await client.send(new DescribeStackResourcesCommand({ StackName: stackName }));
  return new Map(
    (StackResources ?? []).map((entry) => [entry.LogicalResourceId ?? '', entry.PhysicalResourceId ?? '']),
  );
}
