import { ArnFormat, Stack } from 'aws-cdk-lib/core';
import { Policy, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { PulledSourceConfig } from '../../shared/config/schema.ts';
import type { Named } from '../../shared/config/plan/lanes.ts';
import { acknowledge } from './acknowledge.ts';
import type { IngestFunction } from './ingest-function.ts';

/**
 * Lets a function log in to databases as the users that its sources name, with tokens of IAM database authentication.
 * Which instance a host name belongs to is not known before the deployment, so the users are named and the instances of
 * the account are not; a user whose name is in a parameter cannot be named either.
 */
export function grantDatabaseLogins(to: IngestFunction, sources: readonly Named<PulledSourceConfig>[]): void {
  const users = new Set<string>();
  for (const [, source] of sources) {
    if (!('connection' in source) || source.connection.auth !== 'iam') continue;
    const { user } = source.connection;
    users.add(typeof user === 'string' ? user : '*');
  }
  if (users.size === 0) return;
  const stack = Stack.of(to);
  const named = users.has('*') ? ['*'] : [...users].sort();
  const policy = new Policy(to, 'DatabaseLogins', {
    roles: [to.role],
    statements: [
      new PolicyStatement({
        actions: ['rds-db:connect'],
        resources: named.map((user) =>
          stack.formatArn({
            service: 'rds-db',
            resource: 'dbuser',
            resourceName: `*/${user}`,
            arnFormat: ArnFormat.COLON_RESOURCE_NAME,
          }),
        ),
      }),
    ],
  });
  to.function.node.addDependency(policy);
  acknowledge(
    policy,
    Object.fromEntries(
      named.map((user) => [
        `AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:rds-db:<AWS::Region>:<AWS::AccountId>:dbuser:*/${user}]`,
        'The resource id of the instance is not known from its host name; the user is named where the configuration does.',
      ]),
    ),
  );
}
