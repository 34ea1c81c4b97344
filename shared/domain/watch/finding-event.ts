import { hourStartMs } from '../record-counts.ts';
import { runbookOf } from '../runbooks.ts';
import { FINDING_KINDS, type FindingKindName, type Severity } from './finding-kinds.ts';
import type { FindingChange, FindingStatus, SourceFinding } from './source-finding.ts';
import { toHourText } from './words.ts';

/** What an event says that tells of a finding: the `detail` of an EventBridge event. */
export interface FindingEvent {
  readonly deployment: string;
  readonly source: string;
  readonly kind: FindingKindName;
  readonly severity: Severity;
  readonly status: FindingStatus;
  /** When the hour begins that it is about, ISO 8601. */
  readonly hour: string;
  /** See `SourceFinding`. */
  readonly amount: number;
  readonly expected?: number | undefined;
  readonly message: string;
  /** Page of the documentation. */
  readonly runbook: string;
}

export function toFindingEvent(
  deployment: string,
  source: string,
  { status, finding }: FindingChange,
): FindingEvent {
  const { kind, hour, amount, expected } = finding;
  const { severity, runbook } = FINDING_KINDS[kind];
  return {
    deployment,
    source,
    kind,
    severity,
    status,
    hour: new Date(hourStartMs(hour)).toISOString(),
    amount,
    expected,
    message: messageOf(source, status, finding),
    runbook: runbookOf(runbook),
  };
}

function messageOf(source: string, status: FindingStatus, finding: SourceFinding): string {
  switch (status) {
    case 'new':
    case 'changed':
      return finding.message;
    case 'ended':
      return endOf(source, finding);
    case 'expired':
      return `The counts of ${source} for the hour from ${toHourText(finding.hour)} have expired; records were still missing. ${finding.message}`;
  }
}

function endOf(source: string, { kind, hour }: SourceFinding): string {
  switch (kind) {
    case 'completeness':
      return `No record of ${source} of the hour from ${toHourText(hour)} is missing any more.`;
    case 'volume-drop':
      return `${source} receives as many records as usual again.`;
    case 'cost-spike':
      return `${source} costs as much as in the week before again.`;
    case 'schema-drift':
      return `Rows of ${source} have the fields that are usual again, or for a day now.`;
    case 'quarantine-rise':
      return `As many records of ${source} as usual go to quarantine, or for a day now.`;
  }
}
