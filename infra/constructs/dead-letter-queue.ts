import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { DEAD_LETTER_RETENTION } from '../tuning.ts';
import { acknowledge } from './acknowledge.ts';

/** A queue for what failed for good; an alarm watches it, nothing consumes it but an operator. */
export class DeadLetterQueue extends Queue {
  constructor(scope: Construct, id: string) {
    super(scope, id, {
      retentionPeriod: DEAD_LETTER_RETENTION,
      // Events that only name a source: the queue service's own key is enough and costs nothing.
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
    });
    acknowledge(this, { 'AwsSolutions-SQS3': 'This is a dead-letter queue itself.' });
  }
}
