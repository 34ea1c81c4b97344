import { ArnFormat, Stack } from 'aws-cdk-lib/core';
import { Policy, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { FINDING_EVENT } from '../../shared/domain/watch/finding-event-type.ts';
import { acknowledge } from './acknowledge.ts';
import type { IngestFunction } from './ingest-function.ts';

/**
 * Lets the watch add up what functions say in their logs, and put events of findings on the default bus, which can pretend
 * to be no other service.
 *
 * @param functions names of those whose lines it reads
 */
export function grantTelling(to: IngestFunction, functions: readonly string[]): void {
  const stack = Stack.of(to);
  const defaultBus = stack.formatArn({
    service: 'events',
    resource: 'event-bus',
    resourceName: 'default',
    arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
  });
  to.grant(['events:PutEvents'], [defaultBus], {
    StringEquals: { 'events:source': FINDING_EVENT.source, 'events:detail-type': FINDING_EVENT.detailType },
  });
  // By their names: what was not called yet has no group.
  const logGroups = functions.map((name) =>
    stack.formatArn({
      service: 'logs',
      resource: 'log-group',
      resourceName: `/aws/lambda/${name}:*`,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    }),
  );
  const policy = new Policy(to, 'LogAccess', {
    roles: [to.role],
    statements: [
      new PolicyStatement({ actions: ['logs:StartQuery'], resources: logGroups }),
      // A result has no resource: it is known by the id of its query.
      new PolicyStatement({ actions: ['logs:GetQueryResults'], resources: ['*'] }),
    ],
  });
  to.function.node.addDependency(policy);
  const reason = 'Log streams are named by Lambda; the groups are named.';
  acknowledge(policy, {
    'AwsSolutions-IAM5[Resource::*]': 'logs:GetQueryResults knows no resource; it needs the id of a query.',
    ...Object.fromEntries(
      functions.map((name) => [
        `AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:logs:<AWS::Region>:<AWS::AccountId>:log-group:/aws/lambda/${name}:*]`,
        reason,
      ]),
    ),
  });
}
