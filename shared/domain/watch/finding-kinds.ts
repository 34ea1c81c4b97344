import type { RunbookKind } from '../runbooks.ts';

/** What people are told in the night, and what can wait until the morning. */
export type Severity = 'critical' | 'warning';

interface FindingKind {
  readonly severity: Severity;
  readonly runbook: RunbookKind;
  /** What is wrong with a source that has it. */
  readonly meaning: string;
  readonly nextStep: string;
}

/** What the hourly watch may find. The reference page is generated from this table. */
export const FINDING_KINDS = {
  completeness: {
    severity: 'critical',
    runbook: 'completeness',
    meaning:
      'Records of an hour were accepted and acknowledged, and are neither landed nor duplicates, in quarantine or discarded, although the time for that is over. Found for each hour alone; it ends when they have landed.',
    nextStep:
      'Look for what did not get done: dead letters of the stream and of landing runs, and the errors of their functions. Land parked deliveries with `npx headgate dlq replay`.',
  },
  'volume-drop': {
    severity: 'warning',
    runbook: 'volume-drop',
    meaning:
      'Fewer records than at this time in the weeks before, by more than `alarms.maxVolumeDrop`, and by more than chance explains.',
    nextStep:
      'Ask the sender whether that is meant; look for requests that were refused, or for a source that is paused.',
  },
  'cost-spike': {
    severity: 'warning',
    runbook: 'cost-spike',
    meaning:
      'The last 24 hours have cost more than a day of the week before, by more than `alarms.maxCostRise`, and by more than a cent.',
    nextStep:
      'See what it is spent on with `npx headgate cost`, and what would be cheaper with `npx headgate plan`.',
  },
  'schema-drift': {
    severity: 'warning',
    runbook: 'schema-drift',
    meaning:
      'Rows have fields that their contract does not name, and before hardly any had. They are kept in the column `_extra`.',
    nextStep:
      'See which with a query on `_extra`. Add to the contract what is to be a column; ask the sender about the rest.',
  },
  'quarantine-rise': {
    severity: 'warning',
    runbook: 'schema-drift',
    meaning: 'A larger part of the records than before goes to quarantine.',
    nextStep:
      'See why with `npx headgate dlq list`. Mend the sender or widen the contract, then `npx headgate dlq replay`.',
  },
} as const satisfies Readonly<Record<string, FindingKind>>;

export type FindingKindName = keyof typeof FINDING_KINDS;
