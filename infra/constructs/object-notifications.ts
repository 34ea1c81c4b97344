import { Duration, Stack } from 'aws-cdk-lib/core';
import { CfnRule } from 'aws-cdk-lib/aws-events';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { CfnEventSourceMapping } from 'aws-cdk-lib/aws-lambda';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { FUNCTION_SIZES } from '../../shared/domain/plan/function-sizes.ts';
import type { SourceFolder } from '../source-folder.ts';
import { NOTIFICATION_TUNING } from '../tuning.ts';
import { DeadLetterQueue } from './dead-letter-queue.ts';
import type { IngestFunction } from './ingest-function.ts';

/** A folder whose new objects have a source read. */
export interface NotifyingFolder extends SourceFolder {
  /** Name of the source. */
  readonly source: string;
}

/**
 * Has sources read when there are new objects, as soon as their buckets tell EventBridge. The function gets what has come
 * in some seconds as one batch, and has each source in it read once: a thousand objects are not a thousand runs. An event
 * says that there is something and not what, so one that is lost or comes twice does no harm: sources are listed.
 */
export class ObjectNotifications extends Construct {
  readonly queue: Queue;
  readonly deadLetters: DeadLetterQueue;

  constructor(
    scope: Construct,
    id: string,
    props: { readonly reader: IngestFunction; readonly folders: readonly NotifyingFolder[] },
  ) {
    super(scope, id);
    const { reader, folders } = props;
    const stack = Stack.of(this);
    const { visibilityTimeouts, retention, maxReceives } = NOTIFICATION_TUNING;
    this.deadLetters = new DeadLetterQueue(this, 'DeadLetters');
    this.queue = new Queue(this, 'Queue', {
      visibilityTimeout: Duration.seconds(visibilityTimeouts * FUNCTION_SIZES[reader.lane].timeoutSeconds),
      retentionPeriod: retention,
      // Messages name a source; not even the object's name is in one.
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: maxReceives },
    });
    const rules = folders.map((folder) => this.#createRule(folder));
    this.queue.addToResourcePolicy(
      new PolicyStatement({
        principals: [new ServicePrincipal('events.amazonaws.com')],
        actions: ['sqs:SendMessage'],
        resources: [this.queue.queueArn],
        conditions: {
          ArnEquals: { 'aws:SourceArn': rules.map(({ attrArn }) => attrArn) },
          StringEquals: { 'aws:SourceAccount': stack.account },
        },
      }),
    );
    reader.grant(
      ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'],
      [this.queue.queueArn],
    );
    const { batchSize, batchingWindow, maxConcurrency } = NOTIFICATION_TUNING;
    const mapping = new CfnEventSourceMapping(this, 'Mapping', {
      functionName: reader.function.functionName,
      eventSourceArn: this.queue.queueArn,
      batchSize,
      maximumBatchingWindowInSeconds: batchingWindow.toSeconds(),
      scalingConfig: { maximumConcurrency: maxConcurrency },
    });
    // Lambda checks at once that the function may read the queue.
    mapping.node.addDependency(reader.role);
  }

  #createRule({ source, bucket, prefix }: NotifyingFolder): CfnRule {
    return new CfnRule(this, source, {
      description: `Headgate: new objects of ${source}`,
      eventPattern: {
        source: ['aws.s3'],
        'detail-type': ['Object Created'],
        detail: {
          bucket: { name: [bucket] },
          ...(prefix !== '' && { object: { key: [{ prefix }] } }),
        },
      },
      targets: [
        {
          id: 'queue',
          arn: this.queue.queueArn,
          input: JSON.stringify({ source, task: 'wake' }),
          // What cannot be delivered by then is found by the next listing.
          retryPolicy: {
            maximumEventAgeInSeconds: NOTIFICATION_TUNING.maxEventAge.toSeconds(),
            maximumRetryAttempts: NOTIFICATION_TUNING.deliveryAttempts,
          },
        },
      ],
    });
  }
}
