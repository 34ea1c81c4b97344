import { CfnElement, Stack, Validations } from 'aws-cdk-lib/core';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { IConstruct } from 'constructs';

/**
 * Accepts findings of cdk-nag on a construct and everything under it.
 *
 * @param findings rule id (with the finding in brackets where a rule reports several) → why this is right here
 */
export function acknowledge(construct: IConstruct, findings: Readonly<Record<string, string>>): void {
  for (const [id, reason] of Object.entries(findings)) Validations.of(construct).acknowledge({ id, reason });
}

/** The id of cdk-nag's finding that a policy allows something on every object under a prefix of a bucket. */
export function objectsFinding(bucket: IBucket, prefix: string): string {
  const resource = bucket.node.defaultChild;
  if (!CfnElement.isCfnElement(resource)) throw new Error(`${bucket.node.path} is not a bucket of this app`);
  return `AwsSolutions-IAM5[Resource::<${Stack.of(bucket).getLogicalId(resource)}.Arn>/${prefix}*]`;
}
