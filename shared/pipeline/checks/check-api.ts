import { hash } from 'node:crypto';
import type { PagedSourceConfig } from '../../config/schema.ts';
import { findingOfFailure, type Finding } from '../../domain/checks/finding.ts';
import { beginListing, takePage } from '../../domain/pull-listing.ts';
import { OPEN_RANGE, planRange } from '../../domain/pull-window.ts';
import type { Source } from '../../domain/source.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Page, PullSource } from '../../ports/pull-source.ts';
import { incrementalOf, type Incremental } from '../pull/incremental-of.ts';
import { cursorOf, requireCursors } from '../pull/record-cursors.ts';
import { judgeSample } from './judge-sample.ts';

export interface ApiCheckDeps {
  readonly source: Source<PagedSourceConfig>;
  readonly pages: PullSource;
  readonly clock: Clock;
  /** When the check must be over, ms since the epoch. */
  readonly deadlineMs: number;
}

/**
 * Asks an API for the first two pages that the first run would ask for, and judges their records. Two, because an API
 * that ignores the page shows it with the second one only.
 */
export async function checkApi(deps: ApiCheckDeps): Promise<readonly Finding[]> {
  const { source, pages, clock, deadlineMs } = deps;
  const findings: Finding[] = [];
  try {
    const incremental = incrementalOf(source);
    const since = incremental?.initialValue;
    const nowMs = clock.nowMs();
    const { until } = incremental?.hasEnd === true ? planRange(since, nowMs, incremental) : OPEN_RANGE;
    const first = await pages.fetchPage({ since, until, token: undefined, deadlineMs });
    findings.push(
      ...judgeSample(
        source,
        first.records.map((bytes) => ({ bytes })),
        { place: 'on the first page', nowMs },
      ),
    );
    if (incremental !== undefined) checkCursors(source, incremental, first);
    if (first.next !== undefined) await pages.fetchPage({ since, until, token: first.next, deadlineMs });
  } catch (error) {
    findings.push(findingOfFailure(error));
  }
  return findings;
}

/** @throws BlockedError when a run could not follow the cursors of this page */
function checkCursors(
  { name, config }: Source<PagedSourceConfig>,
  incremental: Incremental,
  { records, next }: Page,
): void {
  const listed = records.map((bytes) => ({
    mark: hash('sha256', bytes, 'base64url'),
    cursor: cursorOf(bytes, incremental),
  }));
  requireCursors(
    name,
    incremental,
    listed.map(({ cursor }) => cursor),
  );
  const ascending = config.incremental?.order === 'ascending';
  takePage(
    beginListing(incremental.initialValue, 0),
    { records: listed, next },
    { kind: incremental.kind, ascending },
  );
}
