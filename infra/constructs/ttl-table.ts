import { RemovalPolicy } from 'aws-cdk-lib/core';
import { type Attribute, BillingMode, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';

/** Attribute that holds the expiry of an item, in seconds since the epoch. */
const TTL_ATTRIBUTE = 'expiresAt';

export interface TtlTableProps {
  readonly partitionKey: Attribute;
  readonly sortKey?: Attribute;
  readonly encryptionKey: IKey;
  readonly removalPolicy: RemovalPolicy;
}

/** A table of small state: paid per request, encrypted, restorable to any second of the last 35 days. */
export class TtlTable extends Table {
  constructor(scope: Construct, id: string, props: TtlTableProps) {
    super(scope, id, {
      ...props,
      billingMode: BillingMode.PAY_PER_REQUEST,
      timeToLiveAttribute: TTL_ATTRIBUTE,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      encryption: TableEncryption.CUSTOMER_MANAGED,
      deletionProtection: props.removalPolicy === RemovalPolicy.RETAIN,
    });
  }
}
