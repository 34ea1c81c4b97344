import { ArnFormat, Stack } from 'aws-cdk-lib/core';
import { Effect, Policy, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { CfnFunction } from 'aws-cdk-lib/aws-lambda';
import { acknowledge } from './acknowledge.ts';
import type { IngestFunction } from './ingest-function.ts';

/** Subnets and security groups of an existing VPC, by their ids. */
export interface Network {
  readonly subnets: readonly string[];
  readonly securityGroups: readonly string[];
}

/** What Lambda does, as the function, to give it an address in the VPC. */
const INTERFACE_ACTIONS = [
  'ec2:AssignPrivateIpAddresses',
  'ec2:CreateNetworkInterface',
  'ec2:DeleteNetworkInterface',
  'ec2:UnassignPrivateIpAddresses',
];
const DESCRIBE_ACTIONS = ['ec2:DescribeNetworkInterfaces', 'ec2:DescribeSubnets'];

/**
 * Puts a function into subnets of a VPC. Lambda manages the network interfaces with the function's own role; code in the
 * function is denied to do so itself.
 *
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
 */
export function attachToNetwork(fn: IngestFunction, { subnets, securityGroups }: Network): void {
  const stack = Stack.of(fn);
  const resource = fn.function.node.defaultChild as CfnFunction;
  resource.vpcConfig = { subnetIds: [...subnets], securityGroupIds: [...securityGroups] };
  const inAccount = stack.formatArn({ service: 'ec2', resource: '*', resourceName: '*' });
  const self = stack.formatArn({
    service: 'lambda',
    resource: 'function',
    resourceName: `${fn.deploymentName}-${fn.lane}`,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
  const policy = new Policy(fn, 'NetworkAccess', {
    roles: [fn.role],
    statements: [
      new PolicyStatement({ actions: INTERFACE_ACTIONS, resources: [inAccount] }),
      // Descriptions know no resources.
      new PolicyStatement({ actions: DESCRIBE_ACTIONS, resources: ['*'] }),
      new PolicyStatement({
        effect: Effect.DENY,
        actions: [...INTERFACE_ACTIONS, ...DESCRIBE_ACTIONS],
        resources: ['*'],
        conditions: { ArnEquals: { 'lambda:SourceFunctionArn': self } },
      }),
    ],
  });
  fn.function.node.addDependency(policy);
  acknowledge(policy, {
    'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:ec2:<AWS::Region>:<AWS::AccountId>:*/*]':
      'Lambda chooses the ids of the network interfaces; what the function runs is denied these actions.',
    'AwsSolutions-IAM5[Resource::*]':
      'EC2 takes no resources for descriptions; what the function runs is denied these actions.',
  });
}
