import { Duration, type RemovalPolicy } from 'aws-cdk-lib/core';
import { Stream, StreamEncryption, StreamMode } from 'aws-cdk-lib/aws-kinesis';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { EventSourceMapping, MetricType, StartingPosition } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import type { EventSourcePlan } from '../../shared/domain/plan/event-source.ts';
import { acknowledge } from './acknowledge.ts';
import type { IngestFunction } from './ingest-function.ts';
import type { Stores } from './grants.ts';

export interface LandingStreamProps {
  readonly consumer: IngestFunction;
  readonly stores: Stores;
  readonly encryptionKey: IKey;
  readonly shards: number;
  readonly retentionMs: number;
  readonly eventSource: EventSourcePlan;
  readonly removalPolicy: RemovalPolicy;
}

/** A provisioned stream and the mapping that feeds it to the stream function. */
export class LandingStream extends Construct {
  readonly stream: Stream;
  readonly mapping: EventSourceMapping;
  readonly plan: EventSourcePlan;

  constructor(scope: Construct, id: string, props: LandingStreamProps) {
    super(scope, id);
    this.plan = props.eventSource;
    this.stream = new Stream(this, 'Stream', {
      streamMode: StreamMode.PROVISIONED,
      shardCount: props.shards,
      // Whole hours, as Kinesis has it.
      retentionPeriod: Duration.hours(Math.floor(props.retentionMs / 3_600_000)),
      encryption: StreamEncryption.KMS,
      encryptionKey: props.encryptionKey,
      // A stream holds what was accepted and has not landed yet.
      removalPolicy: props.removalPolicy,
    });
    acknowledge(this.stream, {
      'AwsSolutions-KDS3':
        'The key of the deployment, not that of the service: whoever may not use it cannot read.',
    });
    props.consumer.grant(
      [
        'kinesis:DescribeStream',
        'kinesis:DescribeStreamSummary',
        'kinesis:GetRecords',
        'kinesis:GetShardIterator',
        'kinesis:ListShards',
      ],
      [this.stream.streamArn],
    );
    this.mapping = new EventSourceMapping(this, 'Mapping', {
      target: props.consumer.function,
      eventSourceArn: this.stream.streamArn,
      startingPosition: StartingPosition.TRIM_HORIZON,
      batchSize: this.plan.batchSize,
      maxBatchingWindow: Duration.seconds(this.plan.maxBatchingWindowSeconds),
      parallelizationFactor: this.plan.parallelizationFactor,
      bisectBatchOnError: true,
      reportBatchItemFailures: true,
      retryAttempts: this.plan.retryAttempts,
      maxRecordAge: Duration.seconds(this.plan.maxRecordAgeSeconds),
      // The payload itself is parked, so that it can be replayed after the stream's retention.
      onFailure: { bind: () => ({ destination: props.stores.lake.bucketArn }) },
      supportS3OnFailureDestination: true,
      metricsConfig: { metrics: [MetricType.EVENT_COUNT] },
    });
    this.mapping.node.addDependency(props.consumer.role);
  }
}
