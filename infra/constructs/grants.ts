import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import { Policy, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { acknowledge, objectsFinding } from './acknowledge.ts';
import type { IngestFunction } from './ingest-function.ts';
import { STAGED_BATCH_PREFIX, STREAM_DEAD_LETTER_PREFIX } from './tiered-bucket.ts';

/** Where the state of a deployment is kept; owned by the storage stack. */
export interface Stores {
  readonly key: IKey;
  readonly lake: IBucket;
  readonly claims: ITable;
  readonly ledger: ITable;
  readonly access: ITable;
}

/** What each lane may do with each table. Push deletes request leases, and queries answers that stand in parts. */
const TABLE_ACTIONS = {
  push: {
    access: ['dynamodb:GetItem'],
    noteUse: ['dynamodb:UpdateItem'],
    claims: ['dynamodb:Query', 'dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:DeleteItem'],
  },
  landing: {
    claims: ['dynamodb:Query', 'dynamodb:BatchGetItem', 'dynamodb:PutItem', 'dynamodb:ConditionCheckItem'],
    ledger: ['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
  },
} as const;

/** Key actions that DynamoDB needs from the caller of an encrypted table. */
const TABLE_KEY_ACTIONS = ['kms:Decrypt', 'kms:DescribeKey', 'kms:Encrypt', 'kms:GenerateDataKey'];

/** The attributes of a write key that noting its use names: not the one that says whether it is revoked. */
const USE_ATTRIBUTES = ['hash', 'lastUsedAtMs'];

/**
 * Lets the push function look up write keys, note their use and remember requests. It can neither revoke nor restore a
 * key, and cannot see the lake.
 */
export function grantAccepting(to: IngestFunction, stores: Stores): void {
  to.grant([...TABLE_ACTIONS.push.access], [stores.access.tableArn]);
  // Without the second condition an update could answer with every attribute of the item.
  to.grant([...TABLE_ACTIONS.push.noteUse], [stores.access.tableArn], {
    'ForAllValues:StringEquals': { 'dynamodb:Attributes': USE_ATTRIBUTES },
    StringEqualsIfExists: { 'dynamodb:ReturnValues': 'NONE' },
  });
  to.grant([...TABLE_ACTIONS.push.claims], [stores.claims.tableArn]);
  to.grantKey(stores.key, TABLE_KEY_ACTIONS, ['dynamodb']);
}

/** Lets a function claim keys and land files: write objects once, never delete, never read a file's content. */
export function grantLanding(to: IngestFunction, stores: Stores): void {
  to.grant([...TABLE_ACTIONS.landing.claims], [stores.claims.tableArn]);
  to.grant([...TABLE_ACTIONS.landing.ledger], [stores.ledger.tableArn]);
  to.grantKey(stores.key, TABLE_KEY_ACTIONS, ['dynamodb']);
  // HeadObject is GetObject to IAM, and without ListBucket a missing key answers 403 instead of 404.
  const objects = new Policy(to, 'LakeAccess', {
    roles: [to.role],
    statements: [
      new PolicyStatement({
        actions: ['s3:PutObject', 's3:GetObject'],
        resources: [stores.lake.arnForObjects('raw/*'), stores.lake.arnForObjects('quarantine/*')],
      }),
      new PolicyStatement({ actions: ['s3:ListBucket'], resources: [stores.lake.bucketArn] }),
    ],
  });
  to.function.node.addDependency(objects);
  const reason = 'Keys of lake objects contain dates and positions; the zones are named, the rest cannot be.';
  acknowledge(objects, {
    [objectsFinding(stores.lake, 'raw/')]: reason,
    [objectsFinding(stores.lake, 'quarantine/')]: reason,
  });
  to.grantKey(stores.key, ['kms:Decrypt', 'kms:GenerateDataKey'], ['s3']);
}

/** Lets the pull function keep each batch that it is about to land, until a retry needs it again. */
export function grantStaging(to: IngestFunction, stores: Stores): void {
  const staging = new Policy(to, 'StagingAccess', {
    roles: [to.role],
    statements: [
      new PolicyStatement({
        actions: ['s3:PutObject', 's3:GetObject'],
        resources: [stores.lake.arnForObjects(`${STAGED_BATCH_PREFIX}*`)],
      }),
    ],
  });
  to.function.node.addDependency(staging);
  acknowledge(staging, {
    [objectsFinding(stores.lake, STAGED_BATCH_PREFIX)]:
      'Keys of staged batches contain the source and a number; the prefix is named, the rest cannot be.',
  });
}

/** Lets Lambda, as the function, park batches that it gave up on. */
export function grantParking(to: IngestFunction, stores: Stores): void {
  const parking = new Policy(to, 'DeadLetterAccess', {
    roles: [to.role],
    statements: [
      new PolicyStatement({
        actions: ['s3:PutObject'],
        resources: [stores.lake.arnForObjects(`${STREAM_DEAD_LETTER_PREFIX}*`)],
      }),
    ],
  });
  to.function.node.addDependency(parking);
  acknowledge(parking, {
    [objectsFinding(stores.lake, STREAM_DEAD_LETTER_PREFIX)]:
      'Lambda chooses the keys under its own prefix: mapping, shard, time and a random id.',
  });
}
