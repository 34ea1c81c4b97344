import { CfnOutput, Stack } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { WATCH_EXPRESSION } from '../../shared/domain/plan/schedule.ts';
import { lanesThatServe } from '../../shared/config/plan/lanes.ts';
import type { FunctionCode } from '../bundling/function-code.ts';
import { grantTelling } from '../constructs/grant-telling.ts';
import { grantWatching, type Stores } from '../constructs/grants.ts';
import { IngestFunction } from '../constructs/ingest-function.ts';
import { ScheduledRuns } from '../constructs/scheduled-runs.ts';
import type { Deployment } from '../deployment.ts';

/** The function that judges all sources each hour, and its schedule. */
export class WatchStack extends Stack {
  readonly watcher: IngestFunction;
  readonly runs: ScheduledRuns;

  constructor(scope: Construct, deployment: Deployment, stores: Stores, code: FunctionCode) {
    const { config } = deployment;
    super(scope, `${config.name}-watch`, { description: 'Headgate: hourly watch over all sources' });
    this.watcher = new IngestFunction(this, 'Watcher', {
      deploymentName: config.name,
      lane: 'watch',
      description: 'Judges all sources by their counters: completeness, volume, cost, fields',
      code: code.watch(),
      environment: { LEDGER_TABLE: stores.ledger.tableName },
    });
    grantWatching(this.watcher, stores);
    const lanes = new Set(Object.values(config.sources).flatMap(lanesThatServe));
    grantTelling(
      this.watcher,
      [...lanes].sort().map((lane) => `${config.name}-${lane}`),
    );
    this.runs = new ScheduledRuns(this, 'Runs', {
      target: this.watcher,
      groupName: `${config.name}-watch`,
      runs: [
        {
          name: 'hourly',
          description: 'Judges all sources when an hour is over',
          expression: WATCH_EXPRESSION,
          event: {},
        },
      ],
    });
    new CfnOutput(this, 'WatchFunctionName', { value: this.watcher.function.functionName });
    new CfnOutput(this, 'WatchScheduleGroupName', { value: this.runs.groupName });
  }
}
