import { Duration, type RemovalPolicy } from 'aws-cdk-lib/core';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  type LifecycleRule,
  ObjectOwnership,
  StorageClass,
} from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import type { HeadgateConfig } from '../../shared/config/schema.ts';
import { CLAIM_OBJECT_DAYS, CLAIM_OBJECTS_PREFIX } from '../../shared/domain/claim-objects.ts';
import { LANDING_FRAMES_PREFIX } from '../../shared/domain/landing-frame.ts';
import { acknowledge } from './acknowledge.ts';

/**
 * Zones of the lake and the prefixes of them that move to cheaper storage. No zone expires, only staged batches and keys do: data
 * in `raw/` is the product, and a record that was suppressed as a duplicate may have its only copy in `quarantine/` or
 * among the dead letters. Of `landing/` only frames move: what else is there expires, or is read again at any time, which
 * an archive would refuse.
 *
 * Lambda writes discarded stream batches under `aws/lambda/<mapping>/`; it takes a bucket, not a prefix.
 */
const ZONE_PREFIXES = {
  raw: ['raw/'],
  landing: [LANDING_FRAMES_PREFIX],
  quarantine: ['quarantine/'],
  dlq: ['dlq/', 'aws/lambda/'],
} as const;

/** Where pulled batches are kept until they are committed. They are of no use after that. */
export const STAGED_BATCH_PREFIX = 'landing/pull/';
/** Where batches of backfills are kept until they are committed. */
export const STAGED_BACKFILL_PREFIX = 'landing/backfill/';
/** Where it is written down which objects of a source of type `files` have landed; read for as long as the source lives. */
export const LANDED_OBJECTS_PREFIX = 'landing/files/';
/** Where keys of tables wait to be compared with those of the next reconciliation, 30 days later at most. */
export const KEYS_PREFIX = 'landing/keys/';
/** An inventory is finished two weeks after its beginning at the latest, and builds upon one that is 45 days old at most. */
const KEYS_DAYS = 60;
/** Where the land function keeps what it has decided to land together. */
export const MANIFEST_PREFIX = 'landing/batches/';
/** Where replays keep theirs. */
const STAGED_REPLAY_PREFIX = 'landing/replay/';

/** Where Lambda parks batches that it gave up on. */
export const STREAM_DEAD_LETTER_PREFIX = 'aws/lambda/';

export interface TieredBucketProps {
  readonly encryptionKey: IKey;
  readonly retention: HeadgateConfig['retention'];
  /** A batch whose commit is blocked must outlive the claims on its keys, or its records would be taken for duplicates. */
  readonly stagedBatchDays: number;
  readonly removalPolicy: RemovalPolicy;
}

/** The lake: encrypted, TLS only, not public, versioned, ever cheaper storage as data ages. */
export class TieredBucket extends Bucket {
  constructor(scope: Construct, id: string, props: TieredBucketProps) {
    super(scope, id, {
      encryption: BucketEncryption.KMS,
      encryptionKey: props.encryptionKey,
      bucketKeyEnabled: true,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      // Headgate writes a key once, so versions cost nothing in normal use and undo an accidental delete.
      versioned: true,
      removalPolicy: props.removalPolicy,
      lifecycleRules: [
        ...Object.entries(ZONE_PREFIXES).flatMap(([zone, prefixes]) =>
          prefixes.map((prefix) => tierRule(zone, prefix, props.retention)),
        ),
        ...[
          ['staged-batches', STAGED_BATCH_PREFIX],
          ['staged-backfills', STAGED_BACKFILL_PREFIX],
          ['manifests', MANIFEST_PREFIX],
          ['staged-replays', STAGED_REPLAY_PREFIX],
        ].map(([id, prefix]) => ({ id, prefix, expiration: Duration.days(props.stagedBatchDays) })),
        { id: 'keys', prefix: KEYS_PREFIX, expiration: Duration.days(KEYS_DAYS) },
        // Whatever the configuration says by now: objects are to be there for as long as they were written for.
        ...CLAIM_OBJECT_DAYS.map((days) => ({
          id: `claims-${String(days)}-days`,
          prefix: `${CLAIM_OBJECTS_PREFIX}${String(days)}/`,
          expiration: Duration.days(days),
          noncurrentVersionExpiration: Duration.days(1),
        })),
        {
          // Frames are removed when they have landed; what is not removed has not.
          id: 'landed-frames',
          prefix: LANDING_FRAMES_PREFIX,
          noncurrentVersionExpiration: Duration.days(1),
        },
        {
          id: 'clean-up',
          abortIncompleteMultipartUploadAfter: Duration.days(7),
          noncurrentVersionExpiration: Duration.days(30),
          expiredObjectDeleteMarker: true,
        },
      ],
    });
    acknowledge(this, {
      'AwsSolutions-S1':
        'Server access logs would cost an object per few requests; object-level audit is CloudTrail data events, ' +
        'which the account owner turns on where it is needed.',
    });
  }
}

function tierRule(zone: string, prefix: string, retention: HeadgateConfig['retention']): LifecycleRule {
  return {
    id: `tiers-${zone}${prefix.startsWith(zone) ? '' : '-streams'}`,
    prefix,
    transitions: [
      {
        storageClass: StorageClass.INFREQUENT_ACCESS,
        transitionAfter: Duration.days(retention.infrequentAccessAfterDays),
      },
      {
        storageClass: StorageClass.GLACIER_INSTANT_RETRIEVAL,
        transitionAfter: Duration.days(retention.glacierAfterDays),
      },
      {
        storageClass: StorageClass.DEEP_ARCHIVE,
        transitionAfter: Duration.days(retention.deepArchiveAfterDays),
      },
    ],
  };
}
