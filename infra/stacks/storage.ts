import { CfnOutput, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib/core';
import { AttributeType } from 'aws-cdk-lib/aws-dynamodb';
import type { Construct } from 'constructs';
import type { HeadgateConfig } from '../../shared/config/schema.ts';
import { toMs } from '../../shared/config/units.ts';
import { DataKey } from '../constructs/data-key.ts';
import { LakeCatalog } from '../constructs/lake-catalog.ts';
import type { Stores } from '../constructs/grants.ts';
import { TieredBucket } from '../constructs/tiered-bucket.ts';
import { TtlTable } from '../constructs/ttl-table.ts';
import type { Deployment } from '../deployment.ts';

/** Everything that must survive: the lake, the tables and the key that encrypts them; and the catalog of the lake. */
export class StorageStack extends Stack {
  readonly stores: Stores;

  constructor(scope: Construct, deployment: Deployment) {
    const { config, dataRemoval } = deployment;
    super(scope, `${config.name}-storage`, {
      description: 'Headgate: the lake and the state of ingestion',
      terminationProtection: dataRemoval === RemovalPolicy.RETAIN,
    });
    const key = new DataKey(this, 'Key', { name: config.name, removalPolicy: dataRemoval });
    const common = { encryptionKey: key, removalPolicy: dataRemoval };
    const lake = new TieredBucket(this, 'Lake', {
      ...common,
      retention: config.retention,
      stagedBatchDays: stagedBatchDays(config),
    });
    const claims = new TtlTable(this, 'Claims', {
      ...common,
      partitionKey: { name: 'bucket', type: AttributeType.STRING },
      sortKey: { name: 'number', type: AttributeType.NUMBER },
    });
    const ledger = new TtlTable(this, 'Ledger', {
      ...common,
      partitionKey: { name: 'lane', type: AttributeType.STRING },
      sortKey: { name: 'entry', type: AttributeType.STRING },
    });
    const access = new TtlTable(this, 'Access', {
      ...common,
      partitionKey: { name: 'hash', type: AttributeType.STRING },
    });
    const catalog = new LakeCatalog(this, 'Catalog', config, lake);
    this.stores = { key, lake, claims, ledger, access };
    new CfnOutput(this, 'LakeBucketName', { value: lake.bucketName });
    new CfnOutput(this, 'CatalogDatabaseName', { value: catalog.databaseName });
    new CfnOutput(this, 'ClaimsTableName', { value: claims.tableName });
    new CfnOutput(this, 'LedgerTableName', { value: ledger.tableName });
    new CfnOutput(this, 'AccessTableName', { value: access.tableName });
  }
}

/** Claims expire a day after the longest window at the latest; staged batches after that. */
function stagedBatchDays({ sources }: HeadgateConfig): number {
  const windowsMs = Object.values(sources).map(({ dedupeWindow }) => toMs(dedupeWindow));
  return Math.ceil(Math.max(...windowsMs) / Duration.days(1).toMilliseconds()) + 3;
}
