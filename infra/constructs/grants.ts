import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import { Policy, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { acknowledge, objectsFinding } from './acknowledge.ts';
import type { IngestFunction } from './ingest-function.ts';
import {
  KEYS_PREFIX,
  LANDED_OBJECTS_PREFIX,
  MANIFEST_PREFIX,
  STAGED_BACKFILL_PREFIX,
  STAGED_BATCH_PREFIX,
  STREAM_DEAD_LETTER_PREFIX,
} from './tiered-bucket.ts';
import type { HeadgateConfig } from '../../shared/config/schema.ts';
import { CLAIM_OBJECTS_PREFIX } from '../../shared/domain/claim-objects.ts';
import { LANDING_FRAMES_PREFIX } from '../../shared/domain/landing-frame.ts';
import { COUNTS_PREFIX } from '../../shared/domain/record-counts.ts';
import { WATCH_PREFIX } from '../../shared/domain/watch/watch-prefix.ts';

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
    counts: ['dynamodb:UpdateItem'],
    ledger: ['dynamodb:GetItem', 'dynamodb:Query'],
  },
  landing: {
    claims: ['dynamodb:Query', 'dynamodb:BatchGetItem', 'dynamodb:PutItem', 'dynamodb:ConditionCheckItem'],
    ledger: ['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
  },
  spending: ['dynamodb:Query', 'dynamodb:UpdateItem'],
  watch: {
    counts: ['dynamodb:Query'],
    findings: ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:Query'],
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
  // Requests and limits, not the claims of records: those are the engine's alone.
  to.grant([...TABLE_ACTIONS.push.claims], [stores.claims.tableArn], {
    'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['request#*', 'quota#*'] },
  });
  // Counts of records, not the positions of lanes.
  to.grant([...TABLE_ACTIONS.push.counts], [stores.ledger.tableArn], {
    'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': [`${COUNTS_PREFIX}*`] },
  });
  to.grantKey(stores.key, TABLE_KEY_ACTIONS, ['dynamodb']);
}

/** Lets a function add up what sources cost, where one has a monthly budget. */
export function grantSpending(to: IngestFunction, stores: Stores, config: HeadgateConfig): void {
  if (Object.values(config.sources).every(({ budget }) => budget?.usdPerMonth === undefined)) return;
  to.grant([...TABLE_ACTIONS.spending], [stores.claims.tableArn], {
    'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['budget#*'] },
  });
}

/** Lets the watch read what was counted, and keep what it has found: nothing else of the ledger, and nothing of the lake. */
export function grantWatching(to: IngestFunction, stores: Stores): void {
  to.grant([...TABLE_ACTIONS.watch.counts], [stores.ledger.tableArn], {
    'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': [`${COUNTS_PREFIX}*`] },
  });
  to.grant([...TABLE_ACTIONS.watch.findings], [stores.ledger.tableArn], {
    'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': [`${WATCH_PREFIX}*`] },
  });
  to.grantKey(stores.key, TABLE_KEY_ACTIONS, ['dynamodb']);
}

/** Lets the push function see how far what it has put on the stream has landed. */
export function grantFollowing(to: IngestFunction, stores: Stores): void {
  to.grant([...TABLE_ACTIONS.push.ledger], [stores.ledger.tableArn]);
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
        resources: ['raw/*', 'quarantine/*', `${CLAIM_OBJECTS_PREFIX}*`].map((keys) =>
          stores.lake.arnForObjects(keys),
        ),
      }),
      new PolicyStatement({ actions: ['s3:ListBucket'], resources: [stores.lake.bucketArn] }),
    ],
  });
  to.function.node.addDependency(objects);
  const reason =
    'Keys of lake objects contain dates, positions and tokens; the zones are named, the rest cannot be.';
  acknowledge(objects, {
    [objectsFinding(stores.lake, 'raw/')]: reason,
    [objectsFinding(stores.lake, 'quarantine/')]: reason,
    [objectsFinding(stores.lake, CLAIM_OBJECTS_PREFIX)]: reason,
  });
  to.grantKey(stores.key, ['kms:Decrypt', 'kms:GenerateDataKey'], ['s3']);
}

/** Lets the push function put frames into the landing zone, and nothing else in the lake. */
export function grantFrames(to: IngestFunction, stores: Stores): void {
  grantObjects(to, stores, 'FrameAccess', ['s3:PutObject'], LANDING_FRAMES_PREFIX);
  to.grantKey(stores.key, ['kms:GenerateDataKey'], ['s3']);
}

/** Lets the land function take frames out of the landing zone, and keep what it has decided to land together. */
export function grantLandingZone(to: IngestFunction, stores: Stores): void {
  grantObjects(to, stores, 'FrameAccess', ['s3:GetObject', 's3:DeleteObject'], LANDING_FRAMES_PREFIX);
  grantObjects(to, stores, 'ManifestAccess', ['s3:GetObject', 's3:PutObject'], MANIFEST_PREFIX);
}

/** Allows actions on the objects under a prefix of the lake. */
function grantObjects(
  to: IngestFunction,
  stores: Stores,
  id: string,
  actions: string[],
  prefix: string,
): void {
  const policy = new Policy(to, id, {
    roles: [to.role],
    statements: [new PolicyStatement({ actions, resources: [stores.lake.arnForObjects(`${prefix}*`)] })],
  });
  to.function.node.addDependency(policy);
  acknowledge(policy, {
    [objectsFinding(stores.lake, prefix)]:
      'Keys contain the source and a time or a number; the prefix is named, the rest cannot be.',
  });
}

/** Lets a function that reads sources keep each batch that it is about to land, until a retry needs it again. */
export function grantStaging(to: IngestFunction, stores: Stores): void {
  grantObjects(to, stores, 'StagingAccess', ['s3:PutObject', 's3:GetObject'], STAGED_BATCH_PREFIX);
}

/** Lets a function that backfills APIs keep their batches, likewise. */
export function grantBackfills(to: IngestFunction, stores: Stores): void {
  grantObjects(to, stores, 'BackfillAccess', ['s3:PutObject', 's3:GetObject'], STAGED_BACKFILL_PREFIX);
}

/** Lets a function that reads objects remember which of them have landed, and remove what newer lists have, too. */
export function grantLandedObjects(to: IngestFunction, stores: Stores): void {
  const actions = ['s3:PutObject', 's3:GetObject', 's3:DeleteObject'];
  grantObjects(to, stores, 'LandedObjects', actions, LANDED_OBJECTS_PREFIX);
}

/** Lets a function that compares the keys of tables keep them. */
export function grantKeys(to: IngestFunction, stores: Stores): void {
  grantObjects(to, stores, 'KeysAccess', ['s3:PutObject', 's3:GetObject'], KEYS_PREFIX);
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
