import { Annotations, CfnOutput, Stack } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import type { FunctionCode } from '../bundling/function-code.ts';
import { attachToNetwork } from '../constructs/attach-to-network.ts';
import { DuckDbLayer } from '../constructs/duckdb-layer.ts';
import { grantDatabaseLogins } from '../constructs/grant-database-logins.ts';
import { grantParameters } from '../constructs/grant-parameters.ts';
import { grantSourceObjects } from '../constructs/grant-source-objects.ts';
import { grantPolling } from '../constructs/grant-polling.ts';
import {
  grantKeys,
  grantBackfills,
  grantLandedObjects,
  grantLanding,
  grantSpending,
  grantStaging,
  type Stores,
} from '../constructs/grants.ts';
import { IngestFunction } from '../constructs/ingest-function.ts';
import { ObjectNotifications, type NotifyingFolder } from '../constructs/object-notifications.ts';
import { ScheduledRuns, type ScheduledRun } from '../constructs/scheduled-runs.ts';
import { WorkQueue } from '../constructs/work-queue.ts';
import type { Deployment } from '../deployment.ts';
import { pulledSources, type Named, type PullingLane } from '../../shared/config/plan/lanes.ts';
import { literalPrefix } from '../../shared/domain/files/object-pattern.ts';
import { isBackfilledHere, workConcurrencyOf } from '../../shared/config/plan/tasks-of.ts';
import { networkOf } from '../network-of.ts';
import { toSourceFolder } from '../source-folder.ts';
import { parametersOf } from '../../shared/config/parameters-of.ts';
import type { PulledSourceConfig } from '../../shared/config/schema.ts';
import type { ReadPlan } from '../../shared/config/plan/plan-resources.ts';

/** What differs between the functions that read sources on a schedule. */
const LANES = {
  pull: {
    id: 'Puller',
    reads: 'HTTP APIs and files',
    output: 'Pull',
  },
  extract: {
    id: 'Extractor',
    reads: 'databases',
    output: 'Extract',
  },
} as const satisfies Readonly<Record<PullingLane, object>>;

/** A function that reads sources, a schedule for each of them, and the queue of what it leaves to itself. */
export class PullStack extends Stack {
  readonly lane: PullingLane;
  readonly puller: IngestFunction;
  readonly runs: ScheduledRuns;
  readonly work: WorkQueue;
  /** Where new objects are heard of; undefined where no source asks for that. */
  readonly notifications: ObjectNotifications | undefined;

  constructor(
    scope: Construct,
    { config, plan }: Deployment,
    stores: Stores,
    lane: PullingLane,
    code: FunctionCode,
  ) {
    const { id, reads, output } = LANES[lane];
    const groupName = `${config.name}-${lane}`;
    super(scope, groupName, { description: `Headgate: scheduled reads of ${reads}` });
    const sources = pulledSources(config, lane);
    this.lane = lane;
    this.puller = new IngestFunction(this, id, {
      deploymentName: config.name,
      lane,
      description: `Reads ${reads} and lands what is new in the lake`,
      code: code[lane](),
      layers: [new DuckDbLayer(this, 'DuckDb', code.duckdb())],
      environment: {
        LAKE_BUCKET: stores.lake.bucketName,
        CLAIMS_TABLE: stores.claims.tableName,
        LEDGER_TABLE: stores.ledger.tableName,
        SCHEDULE_GROUP: groupName,
      },
    });
    grantLanding(this.puller, stores);
    grantSpending(this.puller, stores, config);
    grantStaging(this.puller, stores);
    grantParameters(
      this.puller,
      sources.flatMap(([, source]) => parametersOf(source)),
    );
    grantDatabaseLogins(this.puller, sources);
    grantSourceObjects(this.puller, sources);
    if (sources.some(([, { type }]) => type === 'files')) grantLandedObjects(this.puller, stores);
    if (sources.some(([, source]) => 'deletes' in source && source.deletes !== undefined))
      grantKeys(this.puller, stores);
    if (sources.some(([, source]) => isBackfilledHere(source))) grantBackfills(this.puller, stores);
    const network = networkOf(sources);
    if (network !== undefined) attachToNetwork(this.puller, network);
    this.work = new WorkQueue(this, 'Work', {
      worker: this.puller,
      maxConcurrency: workConcurrencyOf(sources),
    });
    const notifying = notifyingFolders(sources);
    this.notifications =
      notifying.length === 0
        ? undefined
        : new ObjectNotifications(this, 'Notifications', { reader: this.puller, folders: notifying });
    this.runs = new ScheduledRuns(this, 'Runs', {
      target: this.puller,
      groupName,
      runs: plan.reads
        .filter((read) => read.lane === lane)
        .map((read) => this.#planRun(read, canNotify(sources, read.source))),
    });
    grantPolling(this.puller, this.runs, adaptiveSources(sources));
    new CfnOutput(this, `${output}FunctionName`, { value: this.puller.function.functionName });
    new CfnOutput(this, `${output}ScheduleGroupName`, { value: this.runs.groupName });
    new CfnOutput(this, `${output}WorkQueueUrl`, { value: this.work.queue.queueUrl });
  }

  #planRun({ source: name, freshness, expression, clamped }: ReadPlan, isBucket: boolean): ScheduledRun {
    if (clamped) {
      Annotations.of(this).addWarningV2(
        `headgate:freshness-${name}`,
        `sources.${name}.freshness: "${freshness}" is shorter than a schedule can be; ` +
          `${name} is read every minute. ` +
          (isBucket
            ? 'Set notifications: true to have new objects read as they come, or ask for "1 minute" or more.'
            : 'Ask for "1 minute" or more to make this clear.'),
      );
    }
    return { name, description: `Reads ${name}`, expression, event: { source: name } };
  }
}

/** Folders whose new objects have their source read. */
function notifyingFolders(sources: readonly Named<PulledSourceConfig>[]): NotifyingFolder[] {
  return sources.flatMap(([source, config]) => {
    if (config.type !== 'files' || !config.notifications) return [];
    const folder = toSourceFolder(config.location);
    if (folder === undefined) return [];
    return [{ source, bucket: folder.bucket, prefix: folder.prefix + literalPrefix(config.pattern) }];
  });
}

/** Whether a source could be told of what is new. */
function canNotify(sources: readonly Named<PulledSourceConfig>[], name: string): boolean {
  const config = new Map(sources).get(name);
  return config?.type === 'files' && toSourceFolder(config.location) !== undefined;
}

/** Names of the sources whose schedules the function may change. */
const adaptiveSources = (sources: readonly Named<PulledSourceConfig>[]): string[] =>
  sources.flatMap(([name, { polling }]) => (polling === undefined ? [] : [name]));
