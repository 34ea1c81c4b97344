import { Duration } from 'aws-cdk-lib/core';
import { CfnEventSourceMapping } from 'aws-cdk-lib/aws-lambda';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { FUNCTION_SIZES } from '../../shared/domain/plan/function-sizes.ts';
import { WORK_QUEUE_TUNING } from '../tuning.ts';
import { DeadLetterQueue } from './dead-letter-queue.ts';
import type { IngestFunction } from './ingest-function.ts';

/** The queue through which a function leaves work to other invocations of itself. */
export class WorkQueue extends Construct {
  readonly queue: Queue;
  readonly deadLetters: DeadLetterQueue;

  constructor(
    scope: Construct,
    id: string,
    props: {
      readonly worker: IngestFunction;
      /** Instances that may be at work on parts of sources. */
      readonly maxConcurrency: number;
    },
  ) {
    super(scope, id);
    const { worker, maxConcurrency } = props;
    const { visibilityTimeouts, maxReceives, retention } = WORK_QUEUE_TUNING;
    this.deadLetters = new DeadLetterQueue(this, 'DeadLetters');
    this.queue = new Queue(this, 'Queue', {
      visibilityTimeout: Duration.seconds(visibilityTimeouts * FUNCTION_SIZES[worker.lane].timeoutSeconds),
      retentionPeriod: retention,
      // Messages name a source and a number; no record and no secret is ever in one.
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: maxReceives },
    });
    worker.grant(
      [
        'sqs:SendMessage',
        'sqs:ReceiveMessage',
        'sqs:DeleteMessage',
        'sqs:ChangeMessageVisibility',
        'sqs:GetQueueAttributes',
      ],
      [this.queue.queueArn],
    );
    worker.function.addEnvironment('WORK_QUEUE', this.queue.queueUrl);
    const mapping = new CfnEventSourceMapping(this, 'Mapping', {
      functionName: worker.function.functionName,
      eventSourceArn: this.queue.queueArn,
      // One piece of work each: what fails does not have others repeated with it.
      batchSize: 1,
      scalingConfig: { maximumConcurrency: maxConcurrency },
    });
    // Lambda checks at once that the function may read the queue.
    mapping.node.addDependency(worker.role);
  }
}
