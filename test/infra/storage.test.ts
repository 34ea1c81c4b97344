import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { everything } from './configs.ts';
import { resourcesOf, synth, templateOf } from './synth.ts';

const templates = synth(everything);
const storage = templateOf(templates, 'storage');

interface LifecycleRule {
  readonly Prefix?: string;
  readonly Transitions?: readonly { readonly StorageClass: string; readonly TransitionInDays: number }[];
  readonly ExpirationInDays?: number;
  readonly AbortIncompleteMultipartUpload?: unknown;
  readonly NoncurrentVersionExpiration?: unknown;
}

function lifecycleRules(): readonly LifecycleRule[] {
  const [bucket] = resourcesOf(templates, 'AWS::S3::Bucket');
  return (bucket?.Properties['LifecycleConfiguration'] as { Rules: LifecycleRule[] }).Rules;
}

describe('the lake bucket', () => {
  test('is encrypted with the customer key, with a bucket key to keep it cheap', () => {
    storage.hasResourceProperties('AWS::S3::Bucket', {
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [
          {
            BucketKeyEnabled: true,
            ServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: Match.anyValue() },
          },
        ],
      },
    });
  });

  test('lets nothing in from the public and nothing through without TLS 1.2', () => {
    storage.hasResourceProperties('AWS::S3::Bucket', {
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
      OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
    });
    for (const condition of [
      { Bool: { 'aws:SecureTransport': 'false' } },
      { NumericLessThan: { 's3:TlsVersion': 1.2 } },
    ]) {
      storage.hasResourceProperties('AWS::S3::BucketPolicy', {
        PolicyDocument: {
          Statement: Match.arrayWith([
            Match.objectLike({
              Effect: 'Deny',
              Action: 's3:*',
              Principal: { AWS: '*' },
              Condition: condition,
            }),
          ]),
        },
      });
    }
  });

  test.each(['raw/', 'landing/frames/', 'quarantine/', 'dlq/', 'aws/lambda/'])(
    '%s moves to ever cheaper storage when the configuration says',
    (prefix) => {
      const rule = lifecycleRules().find((candidate) => candidate.Prefix === prefix);
      expect(rule?.Transitions).toEqual([
        { StorageClass: 'STANDARD_IA', TransitionInDays: 31 },
        { StorageClass: 'GLACIER_IR', TransitionInDays: 92 },
        { StorageClass: 'DEEP_ARCHIVE', TransitionInDays: 383 },
      ]);
    },
  );

  test('only staged batches, claims and keys expire, batches after the claims on their keys: quarantine and dead letters may hold the only copy', () => {
    const expiring = lifecycleRules().filter((rule) => rule.ExpirationInDays !== undefined);
    // The longest dedupeWindow is 7 days, and claims live a day longer.
    expect(expiring).toMatchObject([
      { Prefix: 'landing/pull/', ExpirationInDays: 10 },
      { Prefix: 'landing/backfill/', ExpirationInDays: 10 },
      { Prefix: 'landing/batches/', ExpirationInDays: 10 },
      { Prefix: 'landing/replay/', ExpirationInDays: 10 },
      // Longer than a reconciliation may take that comes 30 days after another one.
      { Prefix: 'landing/keys/', ExpirationInDays: 60 },
      // Each after the days that it was written for, whatever the windows are by then.
      ...[4, 11, 18, 34, 64, 94].map((days) => ({
        Prefix: `landing/claims/${String(days)}/`,
        ExpirationInDays: days,
      })),
    ]);
  });

  test('unfinished uploads and old versions do not stay for ever', () => {
    const rule = lifecycleRules().find((candidate) => candidate.Prefix === undefined);
    expect(rule).toMatchObject({
      AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 },
      NoncurrentVersionExpiration: { NoncurrentDays: 30 },
    });
    storage.hasResourceProperties('AWS::S3::Bucket', { VersioningConfiguration: { Status: 'Enabled' } });
  });
});

describe('every table', () => {
  const tables = resourcesOf(templates, 'AWS::DynamoDB::Table');

  test('is there: claims, ledger and access, with the keys that the adapters use', () => {
    const keys = tables.map(({ Properties }) =>
      (Properties['KeySchema'] as { AttributeName: string }[])
        .map(({ AttributeName }) => AttributeName)
        .join(),
    );
    expect(keys.sort()).toEqual(['bucket,number', 'hash', 'lane,entry']);
    storage.hasResourceProperties('AWS::DynamoDB::Table', {
      AttributeDefinitions: Match.arrayWith([{ AttributeName: 'number', AttributeType: 'N' }]),
    });
  });

  test.each(tables.map((table) => [JSON.stringify(table.Properties['KeySchema']), table] as const))(
    '%s is paid per request, expires items, can be restored, is encrypted and protected',
    (_, table) => {
      expect(table.Properties).toMatchObject({
        BillingMode: 'PAY_PER_REQUEST',
        TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
        SSESpecification: { SSEEnabled: true, SSEType: 'KMS' },
        DeletionProtectionEnabled: true,
      });
    },
  );
});

describe('the customer key', () => {
  test('rotates, and alarms of this deployment may use it for the topic', () => {
    storage.hasResourceProperties('AWS::KMS::Key', {
      EnableKeyRotation: true,
      KeyPolicy: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Effect: 'Allow',
            Principal: { Service: 'cloudwatch.amazonaws.com' },
            Action: ['kms:Decrypt', 'kms:GenerateDataKey'],
            Condition: Match.objectLike({ StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } }),
          }),
        ]),
      },
    });
  });
});

describe('whether data goes with its stack', () => {
  test.each([
    { protect: true, destroy: false, policy: 'Retain' },
    { protect: true, destroy: true, policy: 'Retain' },
    { protect: false, destroy: false, policy: 'Retain' },
    { protect: false, destroy: true, policy: 'Delete' },
  ])('protect: $protect, -c destroy=$destroy → $policy', ({ protect, destroy, policy }) => {
    const variant = synth({ ...everything, protect }, { destroy });
    const stateful = ['AWS::S3::Bucket', 'AWS::DynamoDB::Table', 'AWS::KMS::Key', 'AWS::Kinesis::Stream'];
    for (const type of stateful) {
      const resources = resourcesOf(variant, type);
      expect(resources, type).not.toEqual([]);
      for (const resource of resources) {
        expect(resource, type).toMatchObject({ DeletionPolicy: policy, UpdateReplacePolicy: policy });
      }
    }
    for (const table of resourcesOf(variant, 'AWS::DynamoDB::Table')) {
      expect(table.Properties['DeletionProtectionEnabled']).toBe(policy === 'Retain');
    }
  });
});
