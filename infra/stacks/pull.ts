import { Annotations, CfnOutput, Stack } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import type { HttpSourceConfig } from '../../shared/config/schema.ts';
import { toMs } from '../../shared/config/units.ts';
import type { FunctionCode } from '../bundling/function-code.ts';
import { DuckDbLayer } from '../constructs/duckdb-layer.ts';
import { grantParameters } from '../constructs/grant-parameters.ts';
import { grantLanding, grantStaging, type Stores } from '../constructs/grants.ts';
import { IngestFunction } from '../constructs/ingest-function.ts';
import { ScheduledRuns } from '../constructs/scheduled-runs.ts';
import type { Deployment } from '../deployment.ts';
import { httpSources } from '../lanes.ts';
import { planSchedule } from '../schedule.ts';

/** The function that reads HTTP APIs, and a schedule for each of them. */
export class PullStack extends Stack {
  readonly puller: IngestFunction;
  readonly runs: ScheduledRuns;

  constructor(scope: Construct, deployment: Deployment, stores: Stores, code: FunctionCode) {
    const { config } = deployment;
    super(scope, `${config.name}-pull`, { description: 'Headgate: scheduled reads of HTTP APIs' });
    const sources = httpSources(config);
    this.puller = new IngestFunction(this, 'Puller', {
      deploymentName: config.name,
      lane: 'pull',
      description: 'Reads HTTP APIs and lands what is new in the lake',
      code: code.pull(),
      layers: [new DuckDbLayer(this, 'DuckDb', code.duckdb())],
      environment: {
        LAKE_BUCKET: stores.lake.bucketName,
        CLAIMS_TABLE: stores.claims.tableName,
        LEDGER_TABLE: stores.ledger.tableName,
      },
    });
    grantLanding(this.puller, stores);
    grantStaging(this.puller, stores);
    grantParameters(this.puller, parameterNames(sources.map(([, source]) => source)));
    this.runs = new ScheduledRuns(this, 'Runs', {
      target: this.puller,
      groupName: `${config.name}-pull`,
      runs: sources.map(([name, source]) => {
        const { expression, clamped } = planSchedule(toMs(source.freshness));
        if (clamped) {
          Annotations.of(this).addWarningV2(
            `headgate:freshness-${name}`,
            `sources.${name}.freshness: "${source.freshness}" is shorter than a schedule can be; ` +
              `${name} is read every minute. Ask for "1 minute" or more to make this clear.`,
          );
        }
        return { name, description: `Reads ${name}`, expression, event: { source: name } };
      }),
    });
    new CfnOutput(this, 'PullFunctionName', { value: this.puller.function.functionName });
    new CfnOutput(this, 'PullScheduleGroupName', { value: this.runs.groupName });
  }
}

/** SSM parameters that the sources read. */
function parameterNames(sources: readonly HttpSourceConfig[]): string[] {
  const values = sources.flatMap((source) => [source.url, ...Object.values(source.headers)]);
  return values.flatMap((value) => (typeof value === 'string' ? [] : [value.parameter]));
}
