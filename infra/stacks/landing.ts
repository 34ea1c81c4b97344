import { Annotations, CfnOutput, Stack } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import type { FunctionCode } from '../bundling/function-code.ts';
import { DuckDbLayer } from '../constructs/duckdb-layer.ts';
import { grantLanding, grantSpending, grantLandingZone, type Stores } from '../constructs/grants.ts';
import { IngestFunction } from '../constructs/ingest-function.ts';
import { ScheduledRuns } from '../constructs/scheduled-runs.ts';
import type { Deployment } from '../deployment.ts';
import { everyMinutes } from '../../shared/domain/plan/schedule.ts';

/** The function that lands what waits in the landing zone, and its schedules. */
export class LandingStack extends Stack {
  readonly lander: IngestFunction;
  readonly runs: ScheduledRuns;

  constructor(scope: Construct, deployment: Deployment, stores: Stores, code: FunctionCode) {
    const { config, plan } = deployment;
    super(scope, `${config.name}-landing`, {
      description: 'Headgate: scheduled landing of collected frames',
    });
    this.lander = new IngestFunction(this, 'Lander', {
      deploymentName: config.name,
      lane: 'land',
      description: 'Lands frames that wait in the landing zone of the lake',
      code: code.land(),
      layers: [new DuckDbLayer(this, 'DuckDb', code.duckdb())],
      environment: {
        LAKE_BUCKET: stores.lake.bucketName,
        CLAIMS_TABLE: stores.claims.tableName,
        LEDGER_TABLE: stores.ledger.tableName,
      },
    });
    grantLanding(this.lander, stores);
    grantSpending(this.lander, stores, config);
    grantLandingZone(this.lander, stores);
    for (const { isOverloaded, sources, windowMinutes } of plan.landing) {
      if (!isOverloaded) continue;
      const name = sources.join(', ');
      Annotations.of(this).addWarningV2(
        `headgate:landing-volume-${name}`,
        `sources.${name}.volume: brings more within ${String(windowMinutes)} minutes than one run is planned to land; ` +
          'it may come later than its freshness asks. Set pattern: "stream" to have it streamed instead.',
      );
    }
    this.runs = new ScheduledRuns(this, 'Runs', {
      target: this.lander,
      groupName: `${config.name}-landing`,
      runs: plan.landing.map(({ name, windowMinutes, sources }) => ({
        name,
        description: `Lands ${String(sources.length)} source${sources.length === 1 ? '' : 's'}`,
        expression: everyMinutes(windowMinutes),
        event: { sources },
      })),
    });
    new CfnOutput(this, 'LandFunctionName', { value: this.lander.function.functionName });
    new CfnOutput(this, 'LandScheduleGroupName', { value: this.runs.groupName });
  }
}
