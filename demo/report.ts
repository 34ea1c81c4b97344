import type { BillLine } from '../shared/domain/cost/price-usage.ts';
import type { QueryResult } from '../shared/adapters/duckdb/query-lake.ts';

/** The figures of one source, or of all. `accepted = landed + duplicate + quarantined` when all is well. */
interface SourceFigures {
  /** Records sent to the push API or served to the pull, repeated ones included. */
  readonly sent: number;
  readonly accepted: number;
  /** Suppressed because the same key had landed, or because the whole request had been answered before. */
  readonly duplicate: number;
  readonly quarantined: number;
  /** Refused with an error to the sender. */
  readonly rejected: number;
  /** Rows in the lake. */
  readonly landed: number;
  readonly lost: number;
  readonly duplicated: number;
}

export interface SourceReport extends SourceFigures {
  /** JSON of the landed records, each counted once. */
  readonly rawBytes: number;
  /** All files of the source, quarantine included. */
  readonly parquetBytes: number;
  readonly files: number;
  readonly quarantinedByReason: Readonly<Record<string, number>>;
}

/** What a run of the demo found. */
export interface DemoReport {
  readonly sources: ReadonlyMap<string, SourceReport>;
  /** Empty when everything is in order; otherwise sentences that say what differs. */
  readonly problems: readonly string[];
  readonly latencyMs: { readonly p50: number; readonly p99: number };
  readonly wallSeconds: number;
  readonly push: { readonly records: number; readonly seconds: number; readonly requests: number };
  readonly cost: { readonly lines: readonly BillLine[]; readonly usdPerGb: number };
  /** Folder with a copy of the lake. */
  readonly lakeFolder: string;
  readonly query: { readonly sql: string; readonly athenaSql: string; readonly result: QueryResult };
}

/** Sum over all sources. */
export function sumSources(sources: Iterable<SourceReport>): SourceReport {
  const sum = {
    sent: 0,
    accepted: 0,
    duplicate: 0,
    quarantined: 0,
    rejected: 0,
    landed: 0,
    lost: 0,
    duplicated: 0,
    rawBytes: 0,
    parquetBytes: 0,
    files: 0,
  };
  const quarantinedByReason: Record<string, number> = {};
  for (const source of sources) {
    for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += source[name];
    for (const [reason, rows] of Object.entries(source.quarantinedByReason)) {
      quarantinedByReason[reason] = (quarantinedByReason[reason] ?? 0) + rows;
    }
  }
  return { ...sum, quarantinedByReason };
}

/** The report as one JSON object, for scripts. */
export function toJson(report: DemoReport): unknown {
  const figures = ({ sent, accepted, duplicate, quarantined, landed, lost, duplicated }: SourceFigures) => ({
    sent,
    accepted,
    duplicate,
    quarantined,
    landed,
    lost,
    duplicated,
  });
  const total = sumSources(report.sources.values());
  return {
    sources: Object.fromEntries([...report.sources].map(([name, source]) => [name, figures(source)])),
    totals: figures(total),
    bytes: { raw: total.rawBytes, parquet: total.parquetBytes },
    latencyMs: report.latencyMs,
    wallSeconds: report.wallSeconds,
  };
}
