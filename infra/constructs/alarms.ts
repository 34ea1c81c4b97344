import {
  Alarm,
  ComparisonOperator,
  type Metric,
  type MathExpression,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { runbookOf, type RunbookKind } from '../../shared/domain/runbooks.ts';

/** An alarm as one row: what is measured, from where on it is wrong, what silence means, and what to do. */
export interface AlarmRow {
  /** Unique in the deployment; part of the alarm's name. */
  readonly id: string;
  /** The page that says how to look, to mend, and to see that it is over. */
  readonly runbook: RunbookKind;
  /** What is wrong, and what to do about it. */
  readonly description: string;
  readonly metric: Metric | MathExpression;
  readonly when: keyof typeof COMPARISONS;
  readonly threshold: number;
  /** Periods that are looked at, and how many of them must be wrong. */
  readonly periods: number;
  readonly wrongPeriods: number;
  /** What no data means: `fine` (nothing happened) or `wrong` (something should always happen). */
  readonly silence: keyof typeof SILENCE;
}

const COMPARISONS = {
  above: ComparisonOperator.GREATER_THAN_THRESHOLD,
  below: ComparisonOperator.LESS_THAN_THRESHOLD,
} as const;

const SILENCE = { fine: TreatMissingData.NOT_BREACHING, wrong: TreatMissingData.BREACHING } as const;

/** Creates an alarm per row; each reports its firing and its end to the topic. */
export function createAlarms(
  scope: Construct,
  deploymentName: string,
  topic: ITopic,
  rows: readonly AlarmRow[],
): void {
  const action = new SnsAction(topic);
  for (const row of rows) {
    const alarm = new Alarm(scope, row.id, {
      alarmName: `${deploymentName}-${row.id}`,
      alarmDescription: `${row.description} Runbook: ${runbookOf(row.runbook)}`,
      metric: row.metric,
      comparisonOperator: COMPARISONS[row.when],
      threshold: row.threshold,
      evaluationPeriods: row.periods,
      datapointsToAlarm: row.wrongPeriods,
      treatMissingData: SILENCE[row.silence],
    });
    alarm.addAlarmAction(action);
    alarm.addOkAction(action);
  }
}
