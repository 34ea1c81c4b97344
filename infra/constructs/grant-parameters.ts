import { ArnFormat, Stack } from 'aws-cdk-lib/core';
import { Policy, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { acknowledge } from './acknowledge.ts';
import type { IngestFunction } from './ingest-function.ts';

/**
 * Lets a function read these SSM parameters, encrypted ones too: with the key of SSM, or with any key of the account
 * whose policy leaves it to IAM, and with that key nothing but these parameters.
 *
 * @param names full names, such as "/headgate/github/secret"; each is taken once
 */
export function grantParameters(to: IngestFunction, names: readonly string[]): void {
  const parameters = [...new Set(names)].sort();
  if (parameters.length === 0) return;
  const stack = Stack.of(to);
  const arns = parameters.map((name) =>
    stack.formatArn({
      service: 'ssm',
      resource: 'parameter',
      resourceName: name.slice(1),
      arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
    }),
  );
  const policy = new Policy(to, 'ParameterAccess', {
    roles: [to.role],
    statements: [
      new PolicyStatement({ actions: ['ssm:GetParameter'], resources: arns }),
      new PolicyStatement({
        actions: ['kms:Decrypt'],
        resources: [stack.formatArn({ service: 'kms', resource: 'key', resourceName: '*' })],
        conditions: {
          StringEquals: {
            'kms:ViaService': `ssm.${stack.region}.amazonaws.com`,
            'kms:EncryptionContext:PARAMETER_ARN': arns,
          },
        },
      }),
    ],
  });
  to.function.node.addDependency(policy);
  acknowledge(policy, {
    'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:kms:<AWS::Region>:<AWS::AccountId>:key/*]':
      'Which key encrypts a parameter is up to who sets it; the encryption context names the parameters.',
  });
}
