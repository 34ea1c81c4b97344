import { CfnOutput, Stack } from 'aws-cdk-lib/core';
import type { IStream } from 'aws-cdk-lib/aws-kinesis';
import type { Construct } from 'constructs';
import { toMs } from '../../shared/config/units.ts';
import type { FunctionCode } from '../bundling/function-code.ts';
import { DuckDbLayer } from '../constructs/duckdb-layer.ts';
import { grantLanding, grantParking, grantSpending, type Stores } from '../constructs/grants.ts';
import { IngestFunction } from '../constructs/ingest-function.ts';
import { LandingStream } from '../constructs/landing-stream.ts';
import type { Deployment } from '../deployment.ts';
import { SHARED_STREAM } from '../../shared/config/plan/plan-resources.ts';

/** The streams and the function that lands what is on them. */
export class StreamStack extends Stack {
  readonly consumer: IngestFunction;
  /** The stream that all pushed sources share which do not wait in the landing zone, if there are any. */
  readonly ingest: IStream | undefined;
  /** All streams by what they are called in alarms: `ingest`, or the source's name. */
  readonly streams: ReadonlyMap<string, LandingStream>;

  constructor(scope: Construct, deployment: Deployment, stores: Stores, code: FunctionCode) {
    const { config, dataRemoval, plan } = deployment;
    super(scope, `${config.name}-stream`, { description: 'Headgate: streams and their consumer' });
    this.consumer = new IngestFunction(this, 'Consumer', {
      deploymentName: config.name,
      lane: 'stream',
      description: 'Lands frames and records from Kinesis in the lake',
      code: code.stream(),
      layers: [new DuckDbLayer(this, 'DuckDb', code.duckdb())],
      environment: {
        LAKE_BUCKET: stores.lake.bucketName,
        CLAIMS_TABLE: stores.claims.tableName,
        LEDGER_TABLE: stores.ledger.tableName,
      },
    });
    grantLanding(this.consumer, stores);
    grantSpending(this.consumer, stores, config);
    grantParking(this.consumer, stores);
    this.consumer.grantKey(stores.key, ['kms:Decrypt'], ['kinesis']);
    const common = {
      consumer: this.consumer,
      stores,
      encryptionKey: stores.key,
      retentionMs: toMs(config.ingest.retention),
      removalPolicy: dataRemoval,
    };
    const streams = new Map<string, LandingStream>();
    const entries: string[] = [];
    for (const { name, shards, eventSource } of plan.streams) {
      const isShared = name === SHARED_STREAM;
      const landing = new LandingStream(this, isShared ? 'Ingest' : `Source-${name}`, {
        ...common,
        shards,
        eventSource,
      });
      streams.set(name, landing);
      if (isShared) {
        this.ingest = landing.stream;
        new CfnOutput(this, 'IngestStreamName', { value: landing.stream.streamName });
      } else {
        entries.push(`"${landing.stream.streamName}":"${name}"`);
      }
    }
    this.streams = streams;
    // The names are known only when the stack is deployed, so the JSON is put together as text around them.
    const sourceStreams = `{${entries.join(',')}}`;
    this.consumer.function.addEnvironment('SOURCE_STREAMS', sourceStreams);
    new CfnOutput(this, 'SourceStreams', { value: sourceStreams });
    new CfnOutput(this, 'StreamFunctionName', { value: this.consumer.function.functionName });
  }
}
