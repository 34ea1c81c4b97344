import {
  Alarm,
  AlarmRule,
  AlarmState,
  ComparisonOperator,
  CompositeAlarm,
  TreatMissingData,
  type IAlarmAction,
  type MathExpression,
  type Metric,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { criticalAlarmId } from '../../shared/domain/alarm-names.ts';
import type { Severity } from '../../shared/domain/watch/finding-kinds.ts';
import { runbookOf, type RunbookKind } from '../../shared/domain/runbooks.ts';

/** An alarm as one row: what is measured, from where on it is wrong, what silence means, and what to do. */
export interface AlarmRow {
  /** Unique in the deployment; part of the alarm's name. */
  readonly id: string;
  /** The page that says how to look, to mend, and to see that it is over. */
  readonly runbook: RunbookKind;
  /** `critical`: records are late, refused or in danger. `warning`: something is unusual. */
  readonly severity: Severity;
  /** The source that it is about alone: its critical alarms are told together. */
  readonly source?: string;
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

/** Who is told of what. */
export type AlarmTopics = Readonly<Record<Severity, ITopic>>;

/**
 * Creates an alarm per row. The critical ones of a source tell nobody themselves: one composite alarm does, when the first
 * of them fires and when the last one is over. All others report to the topic of their severity.
 */
export function createAlarms(
  scope: Construct,
  deploymentName: string,
  topics: AlarmTopics,
  rows: readonly AlarmRow[],
): void {
  const actions = { critical: new SnsAction(topics.critical), warning: new SnsAction(topics.warning) };
  const criticalOf = new Map<string, Alarm[]>();
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
    if (row.source !== undefined && row.severity === 'critical') {
      const critical = criticalOf.get(row.source) ?? [];
      criticalOf.set(row.source, [...critical, alarm]);
    } else tell(alarm, actions[row.severity]);
  }
  for (const [source, critical] of criticalOf) {
    const id = criticalAlarmId(source);
    const composite = new CompositeAlarm(scope, id, {
      compositeAlarmName: `${deploymentName}-${id}`,
      alarmDescription:
        `Something is wrong with ${source}: look which of its alarms fire, and at npx headgate status ${source}. ` +
        `Runbook: ${runbookOf('source')}`,
      alarmRule: AlarmRule.anyOf(...critical.map((alarm) => AlarmRule.fromAlarm(alarm, AlarmState.ALARM))),
    });
    tell(composite, actions.critical);
  }
}

function tell(alarm: Alarm | CompositeAlarm, action: IAlarmAction): void {
  alarm.addAlarmAction(action);
  alarm.addOkAction(action);
}
