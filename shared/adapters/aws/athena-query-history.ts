import {
  AthenaClient,
  BatchGetQueryExecutionCommand,
  paginateListQueryExecutions,
  paginateListWorkGroups,
  type QueryExecution,
} from '@aws-sdk/client-athena';
import type { Period } from '../../domain/cost/lane-activity.ts';
import { namedTables } from '../../domain/cost/named-tables.ts';
import { BlockedError } from '../../domain/errors.ts';
import type { QueriesFound, QueryHistory } from '../../ports/query-history.ts';
import { callAws } from './translate-error.ts';

/** Executions of one call. */
const MAX_BATCH = 50;
/** Executions of each workgroup that are looked at, newest first: 100 calls. */
const MAX_EXECUTIONS = 5_000;
/** Athena forgets executions after this. */
const HISTORY_MS = 45 * 86_400_000;

/** Queries that were run by Athena in this account and region, in all workgroups. Others are not seen. */
export class AthenaQueryHistory implements QueryHistory {
  readonly #athena: AthenaClient;

  constructor(athena = new AthenaClient()) {
    this.#athena = athena;
  }

  async count(
    database: string,
    tables: readonly string[],
    { fromMs, toMs }: Period,
  ): Promise<QueriesFound | undefined> {
    const queries = new Map(tables.map((table) => [table, 0]));
    let sinceMs = Math.max(fromMs, toMs - HISTORY_MS);
    try {
      for (const group of await this.#groups()) {
        const found = await this.#read(group, sinceMs);
        sinceMs = Math.max(sinceMs, found.sinceMs);
        for (const { Query: sql = '', QueryExecutionContext: context } of found.executions) {
          for (const table of namedTables(sql, tables, database, context?.Database))
            queries.set(table, (queries.get(table) ?? 0) + 1);
        }
      }
    } catch (error) {
      // Whoever may look at costs need not be allowed to read other people's queries.
      if (error instanceof BlockedError && error.code === 'ACCESS_DENIED') return undefined;
      throw error;
    }
    return { queries, sinceMs };
  }

  async #groups(): Promise<string[]> {
    const names: string[] = [];
    await callAws({ operation: 'ListWorkGroups', resource: 'Athena' }, async () => {
      for await (const { WorkGroups: groups = [] } of paginateListWorkGroups({ client: this.#athena }, {}))
        names.push(...groups.flatMap(({ Name: name }) => name ?? []));
    });
    return names;
  }

  /** Executions since a moment, and from when on all of them are there. */
  async #read(
    group: string,
    sinceMs: number,
  ): Promise<{ readonly executions: readonly QueryExecution[]; readonly sinceMs: number }> {
    const resource = `workgroup ${group}`;
    const executions: QueryExecution[] = [];
    const pages = paginateListQueryExecutions(
      { client: this.#athena, pageSize: MAX_BATCH },
      { WorkGroup: group },
    );
    return await callAws({ operation: 'ListQueryExecutions', resource }, async () => {
      for await (const { QueryExecutionIds: ids = [] } of pages) {
        if (ids.length === 0) continue;
        const { QueryExecutions: found = [] } = await this.#athena.send(
          new BatchGetQueryExecutionCommand({ QueryExecutionIds: ids }),
        );
        const recent = found.filter((execution) => submittedMs(execution) >= sinceMs);
        executions.push(...recent);
        // They are listed newest first.
        if (recent.length < found.length) return { executions, sinceMs };
        if (executions.length >= MAX_EXECUTIONS)
          return { executions, sinceMs: Math.min(...executions.map(submittedMs)) };
      }
      return { executions, sinceMs };
    });
  }
}

const submittedMs = ({ Status: status }: QueryExecution): number =>
  status?.SubmissionDateTime?.getTime() ?? 0;
