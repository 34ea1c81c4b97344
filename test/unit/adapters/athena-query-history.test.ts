import {
  AthenaClient,
  BatchGetQueryExecutionCommand,
  ListQueryExecutionsCommand,
  ListWorkGroupsCommand,
} from '@aws-sdk/client-athena';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, expect, test } from 'vitest';
import { AthenaQueryHistory } from '../../../shared/adapters/aws/athena-query-history.ts';

const athena = mockClient(AthenaClient);

beforeEach(() => {
  athena.reset();
  athena.onAnyCommand().rejects(new Error('not stubbed'));
});

const DAY_MS = 86_400_000;
const NOW_MS = 100 * DAY_MS;
const week = { fromMs: NOW_MS - 7 * DAY_MS, toMs: NOW_MS };
const open = (): AthenaQueryHistory => new AthenaQueryHistory(new AthenaClient({ region: 'us-east-1' }));

/** Executions of workgroups, newest first: how many days ago, and what. */
function stub(groups: Readonly<Record<string, readonly (readonly [daysAgo: number, sql: string])[]>>): void {
  athena.on(ListWorkGroupsCommand).resolves({ WorkGroups: Object.keys(groups).map((Name) => ({ Name })) });
  for (const [group, executions] of Object.entries(groups)) {
    const ids = executions.map((_, i) => `${group}/${String(i)}`);
    athena
      .on(ListQueryExecutionsCommand, { WorkGroup: group })
      .callsFake(({ NextToken: token }: ListQueryExecutionsCommand['input']) => {
        const at = Number(token ?? 0);
        const next = at + 2 < ids.length ? String(at + 2) : undefined;
        return { QueryExecutionIds: ids.slice(at, at + 2), NextToken: next };
      });
  }
  athena
    .on(BatchGetQueryExecutionCommand)
    .callsFake(({ QueryExecutionIds: ids = [] }: BatchGetQueryExecutionCommand['input']) => ({
      QueryExecutions: ids.map((id) => {
        const [group = '', at] = id.split('/');
        const [daysAgo = 0, sql = ''] = groups[group]?.[Number(at)] ?? [];
        return {
          Query: sql,
          QueryExecutionContext: { Database: 'lab' },
          Status: { SubmissionDateTime: new Date(NOW_MS - daysAgo * DAY_MS) },
        };
      }),
    }));
}

test('queries of all workgroups are counted by table, those of the period only, and no page more is read', async () => {
  stub({
    primary: [
      [0, 'SELECT * FROM orders'],
      [1, 'SELECT * FROM lab.orders JOIN clicks USING (id)'],
      [6, 'SHOW TABLES'],
      [8, 'SELECT * FROM orders'],
      [9, 'SELECT * FROM orders'],
      [9, 'SELECT * FROM orders'],
    ],
    analysts: [[2, 'SELECT * FROM clicks']],
  });
  const found = await open().count('lab', ['orders', 'clicks', 'unread'], week);
  expect(found?.queries).toEqual(
    new Map([
      ['orders', 2],
      ['clicks', 2],
      ['unread', 0],
    ]),
  );
  expect(found?.sinceMs).toBe(week.fromMs);
  expect(athena.commandCalls(ListQueryExecutionsCommand, { WorkGroup: 'primary' })).toHaveLength(2);
});

test('Athena forgets after 45 days, so nothing is known of what was before', async () => {
  stub({ primary: [] });
  const found = await open().count('lab', ['orders'], { fromMs: 0, toMs: NOW_MS });
  expect(found?.sinceMs).toBe(NOW_MS - 45 * DAY_MS);
});

test('who may not read the history knows nothing, which is not the same as no queries', async () => {
  const denied = Object.assign(new Error('no'), { name: 'AccessDeniedException' });
  athena.on(ListWorkGroupsCommand).rejects(denied);
  await expect(open().count('lab', ['orders'], week)).resolves.toBeUndefined();
});
