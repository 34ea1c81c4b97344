import { Stack } from 'aws-cdk-lib/core';
import { Policy, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { PulledSourceConfig } from '../../shared/config/schema.ts';
import type { Named } from '../../shared/config/plan/lanes.ts';
import { toSourceFolder, type SourceFolder } from '../source-folder.ts';
import { acknowledge } from './acknowledge.ts';
import type { IngestFunction } from './ingest-function.ts';

/**
 * Lets a function list and read the folders that sources of type `files` name, and nothing else of their buckets. Objects
 * that are encrypted with a key of KMS can be read where the key's policy leaves it to IAM: the encryption context, which
 * is the object or, with a bucket key, the bucket, says what is decrypted.
 */
export function grantSourceObjects(to: IngestFunction, sources: readonly Named<PulledSourceConfig>[]): void {
  const stack = Stack.of(to);
  const folders = new Map<string, SourceFolder>();
  for (const [, source] of sources) {
    if (source.type !== 'files') continue;
    const folder = toSourceFolder(source.location);
    if (folder !== undefined) folders.set(source.location, folder);
  }
  if (folders.size === 0) return;
  const bucketArn = (bucket: string): string => `arn:${stack.partition}:s3:::${bucket}`;
  const all = [...folders.values()];
  const objects = all.map(({ bucket, prefix }) => `${bucketArn(bucket)}/${prefix}*`);
  const policy = new Policy(to, 'SourceObjects', {
    roles: [to.role],
    statements: [
      ...all.map(
        ({ bucket, prefix }) =>
          new PolicyStatement({
            actions: ['s3:ListBucket'],
            resources: [bucketArn(bucket)],
            conditions: { StringLike: { 's3:prefix': `${prefix}*` } },
          }),
      ),
      new PolicyStatement({ actions: ['s3:GetObject'], resources: objects }),
      new PolicyStatement({
        actions: ['kms:Decrypt'],
        resources: [`arn:${stack.partition}:kms:*:*:key/*`],
        conditions: {
          StringLike: {
            'kms:ViaService': 's3.*.amazonaws.com',
            'kms:EncryptionContext:aws:s3:arn': [...all.map(({ bucket }) => bucketArn(bucket)), ...objects],
          },
        },
      }),
    ],
  });
  to.function.node.addDependency(policy);
  acknowledge(policy, {
    ...Object.fromEntries(
      all.map(({ bucket, prefix }) => [
        `AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:s3:::${bucket}/${prefix}*]`,
        'The folder is the one that the source declares; what is put there cannot be named before.',
      ]),
    ),
    'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:kms:*:*:key/*]':
      "Which key encrypts the objects is up to the bucket's owner; the encryption context names the folders.",
  });
}
