import { FINDING_KINDS, type FindingKindName } from './finding-kinds.ts';

/** Something that is wrong with a source. */
export interface SourceFinding {
  readonly kind: FindingKindName;
  /** The hour that it is about; hours since the epoch, UTC. */
  readonly hour: number;
  /** The hour that it was about when it was first found. */
  readonly sinceHour: number;
  /** How much: records that are missing or were received, rows, or US dollars. */
  readonly amount: number;
  /** What was to be expected of it; undefined where that is nothing. */
  readonly expected?: number | undefined;
  /** A sentence for people. */
  readonly message: string;
}

/** What the watch last knew of a source. */
export interface WatchedSource {
  /** When it looked, ms since the epoch. */
  readonly checkedAtMs: number;
  /** What was wrong then; critical ones first, and by their hours. */
  readonly findings: readonly SourceFinding[];
}

/** What has become of a finding: nobody knows any more whether one that has expired was repaired. */
export type FindingStatus = 'new' | 'changed' | 'ended' | 'expired';

/** What people are told. */
export interface FindingChange {
  readonly status: FindingStatus;
  readonly finding: SourceFinding;
}

/**
 * One source has one finding of a kind, but each hour with missing records is one of its own: each has to be repaired.
 */
export const findingId = ({ kind, hour }: Pick<SourceFinding, 'kind' | 'hour'>): string =>
  kind === 'completeness' ? `${kind} ${String(hour)}` : kind;

/** Order in which findings are shown. */
export const compareFindings = (a: SourceFinding, b: SourceFinding): number =>
  rankOf(a) - rankOf(b) || a.kind.localeCompare(b.kind) || a.hour - b.hour;

const rankOf = ({ kind }: SourceFinding): number => (FINDING_KINDS[kind].severity === 'critical' ? 0 : 1);

/**
 * What has changed since the watch looked before: findings that stay are told once. Of missing records another number is a
 * change; of the others each hour has its own.
 *
 * @param oldestHour what is older is not known any more
 */
export function changesOf(
  before: readonly SourceFinding[],
  now: readonly SourceFinding[],
  oldestHour: number,
): readonly FindingChange[] {
  const known = new Map(before.map((finding) => [findingId(finding), finding]));
  const found = new Set(now.map(findingId));
  const changes: FindingChange[] = [];
  for (const finding of now) {
    const earlier = known.get(findingId(finding));
    if (earlier === undefined) changes.push({ status: 'new', finding });
    else if (finding.kind === 'completeness' && earlier.amount !== finding.amount)
      changes.push({ status: 'changed', finding });
  }
  for (const finding of before) {
    if (found.has(findingId(finding))) continue;
    const isKnown = finding.kind !== 'completeness' || finding.hour >= oldestHour;
    changes.push({ status: isKnown ? 'ended' : 'expired', finding });
  }
  return changes;
}
