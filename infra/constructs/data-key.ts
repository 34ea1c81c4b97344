import { Duration, type RemovalPolicy, Stack } from 'aws-cdk-lib/core';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import { fromAlarmsOf } from './from-alarms-of.ts';

/** The customer key for everything that holds records, and for the alarm topic. */
export class DataKey extends Key {
  constructor(
    scope: Construct,
    id: string,
    props: { readonly name: string; readonly removalPolicy: RemovalPolicy },
  ) {
    super(scope, id, {
      alias: `alias/${props.name}`,
      description: `Headgate ${props.name}: lake, tables, streams and the alarm topic`,
      enableKeyRotation: true,
      pendingWindow: Duration.days(30),
      removalPolicy: props.removalPolicy,
    });
    // An alarm cannot publish to a topic that is encrypted with a key it may not use.
    this.addToResourcePolicy(
      new PolicyStatement({
        sid: 'AlarmsToEncryptedTopic',
        principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
        actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
        resources: ['*'],
        conditions: fromAlarmsOf(Stack.of(this), props.name),
      }),
    );
  }
}
