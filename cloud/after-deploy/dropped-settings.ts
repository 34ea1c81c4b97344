import { UpdateContinuousBackupsCommand, UpdateTimeToLiveCommand } from '@aws-sdk/client-dynamodb';
import {
  PutBucketLifecycleConfigurationCommand,
  PutBucketTaggingCommand,
  type LifecycleRule,
  type TransitionStorageClass,
} from '@aws-sdk/client-s3';
import { z } from 'zod';
import type { AwsClients } from '../aws-clients.ts';

/** A property that the emulator's CloudFormation accepts and drops, and how it is applied through the API. */
export interface DroppedSetting {
  readonly type: string;
  readonly property: string;
  /** `value` is the property as the template has it. */
  readonly apply: (clients: AwsClients, physicalName: string, value: unknown) => Promise<unknown>;
}

const timeToLive = z.object({ AttributeName: z.string(), Enabled: z.boolean() });
const pointInTimeRecovery = z.object({ PointInTimeRecoveryEnabled: z.boolean() });
const tags = z.array(z.object({ Key: z.string(), Value: z.string() }));
const lifecycle = z.object({
  Rules: z.array(
    z.object({
      Id: z.string().optional(),
      Status: z.enum(['Enabled', 'Disabled']),
      Prefix: z.string().default(''),
      ExpirationInDays: z.number().optional(),
      NoncurrentVersionExpiration: z.object({ NoncurrentDays: z.number() }).optional(),
      AbortIncompleteMultipartUpload: z.object({ DaysAfterInitiation: z.number() }).optional(),
      Transitions: z
        .array(
          z.object({
            StorageClass: z.custom<TransitionStorageClass>((value) => typeof value === 'string'),
            TransitionInDays: z.number(),
          }),
        )
        .optional(),
    }),
  ),
});

/** Checked with MiniStack 1.5.33; a row whose property it has learnt to keep can go. */
export const droppedSettings: readonly DroppedSetting[] = [
  {
    type: 'AWS::DynamoDB::Table',
    property: 'TimeToLiveSpecification',
    apply: ({ dynamodb }, TableName, value) =>
      dynamodb.send(
        new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification: timeToLive.parse(value) }),
      ),
  },
  {
    type: 'AWS::DynamoDB::GlobalTable',
    property: 'TimeToLiveSpecification',
    apply: ({ dynamodb }, TableName, value) =>
      dynamodb.send(
        new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification: timeToLive.parse(value) }),
      ),
  },
  {
    type: 'AWS::DynamoDB::Table',
    property: 'PointInTimeRecoverySpecification',
    apply: ({ dynamodb }, TableName, value) =>
      dynamodb.send(
        new UpdateContinuousBackupsCommand({
          TableName,
          PointInTimeRecoverySpecification: pointInTimeRecovery.parse(value),
        }),
      ),
  },
  {
    type: 'AWS::S3::Bucket',
    property: 'LifecycleConfiguration',
    apply: ({ s3 }, Bucket, value) =>
      s3.send(
        new PutBucketLifecycleConfigurationCommand({
          Bucket,
          LifecycleConfiguration: { Rules: toRules(value) },
        }),
      ),
  },
  {
    type: 'AWS::S3::Bucket',
    property: 'Tags',
    apply: ({ s3 }, Bucket, value) =>
      s3.send(new PutBucketTaggingCommand({ Bucket, Tagging: { TagSet: tags.parse(value) } })),
  },
];

/** CloudFormation and the S3 API write lifecycle rules differently. */
function toRules(value: unknown): LifecycleRule[] {
  return lifecycle.parse(value).Rules.map((rule) => ({
    ID: rule.Id,
    Status: rule.Status,
    Filter: { Prefix: rule.Prefix },
    NoncurrentVersionExpiration: rule.NoncurrentVersionExpiration,
    AbortIncompleteMultipartUpload: rule.AbortIncompleteMultipartUpload,
    ...(rule.ExpirationInDays !== undefined && { Expiration: { Days: rule.ExpirationInDays } }),
    ...(rule.Transitions && {
      Transitions: rule.Transitions.map(({ StorageClass, TransitionInDays }) => ({
        StorageClass,
        Days: TransitionInDays,
      })),
    }),
  }));
}
