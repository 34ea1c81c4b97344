import { CloudWatchClient, GetMetricDataCommand } from '@aws-sdk/client-cloudwatch';
import {
  CloudWatchLogsClient,
  GetQueryResultsCommand,
  StartQueryCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, expect, test } from 'vitest';
import { CloudWatchActivity } from '../../../shared/adapters/aws/cloudwatch-activity.ts';

const metrics = mockClient(CloudWatchClient);
const logs = mockClient(CloudWatchLogsClient);

beforeEach(() => {
  metrics.reset();
  metrics.onAnyCommand().rejects(new Error('not stubbed'));
  logs.reset();
  logs.onAnyCommand().rejects(new Error('not stubbed'));
});

const DAY_MS = 86_400_000;
const week = { fromMs: 0, toMs: 7 * DAY_MS };
const orders = { source: 'orders', lanes: ['push', 'stream'] };

function open(): CloudWatchActivity {
  const options = { region: 'us-east-1' };
  return new CloudWatchActivity({
    metrics: new CloudWatchClient(options),
    logs: new CloudWatchLogsClient(options),
    deployment: 'lab',
  });
}

/** Answers with these values by source and statistic; in pages where there is more than one list. */
function stubMetrics(values: Readonly<Record<string, readonly (readonly number[])[]>>): void {
  metrics.on(GetMetricDataCommand).callsFake((input: GetMetricDataCommand['input']) => {
    const page = Number(input.NextToken ?? 0);
    const results = (input.MetricDataQueries ?? []).map(({ Id: id, MetricStat: stat }) => {
      const source = stat?.Metric?.Dimensions?.find(({ Name }) => Name === 'source')?.Value ?? '';
      expect(stat?.Metric?.MetricName).toBe('EndToEndLatency');
      const pages = values[`${source} ${stat?.Stat ?? ''}`] ?? [];
      return { Id: id, Values: pages[page] ?? [] };
    });
    const hasMore = Object.values(values).some((pages) => pages.length > page + 1);
    return { MetricDataResults: results, NextToken: hasMore ? String(page + 1) : undefined };
  });
}

const row = (fields: Readonly<Record<string, string>>) =>
  Object.entries(fields).map(([field, value]) => ({ field, value }));

test('latencies come from the metric, all pages of it, and everything else from the logs', async () => {
  stubMetrics({
    'orders p50': [[10, 30], [20]],
    'orders p99': [[90, 400], [70]],
  });
  logs.on(StartQueryCommand).callsFake(({ logGroupName }: StartQueryCommand['input']) => ({
    queryId: logGroupName,
  }));
  logs
    .on(GetQueryResultsCommand, { queryId: '/aws/lambda/lab-push' })
    .resolvesOnce({ status: 'Running' })
    .resolves({
      status: 'Complete',
      results: [
        row({
          source: 'orders',
          lane: 'push',
          apiRequest: '12',
          sumBytesReceived: '157',
          sumEstimatedCostUsd: '0.75',
        }).concat(row({ sumCpuMs: '34.5', firstMs: '1000' })),
        row({ source: 'gone', lane: 'push', sumRequests: '1' }),
      ],
    });
  logs.on(GetQueryResultsCommand, { queryId: '/aws/lambda/lab-stream' }).resolves({
    status: 'Complete',
    results: [
      row({
        source: 'orders',
        lane: 'stream',
        s3Put: '2',
        sumBytesCommitted: '900',
        sumRecordsLanded: '3',
        sumCpuMs: '1',
      }),
    ],
  });
  const found = await open().read([orders], week);
  expect(found).toEqual([
    {
      source: 'orders',
      lane: 'push',
      counters: { BytesReceived: 157, EstimatedCostUsd: 0.75 },
      usage: { apiRequest: 12 },
      estimatedUsd: 0.75,
      cpuMs: 34.5,
      latency: undefined,
      firstMs: 1000,
    },
    {
      source: 'orders',
      lane: 'stream',
      counters: { RecordsLanded: 3, BytesCommitted: 900 },
      usage: { s3Put: 2 },
      estimatedUsd: 0,
      cpuMs: 1,
      latency: { p50Ms: 20, p99Ms: 400 },
      firstMs: undefined,
    },
  ]);
  const query = logs.commandCalls(StartQueryCommand)[0]?.args[0].input.queryString ?? '';
  expect(query).toContain('sum(usage.apiRequest) as apiRequest');
  expect(query).toMatch(/by source, lane$/);
});

test('no call asks for more than 500 metrics, and each has a name of its own', async () => {
  stubMetrics({});
  const many = Array.from({ length: 300 }, (_, i) => ({ source: `s${String(i)}`, lanes: [] }));
  await open().read(many, week);
  const calls = metrics.commandCalls(GetMetricDataCommand).map(({ args }) => args[0].input.MetricDataQueries);
  expect(calls.length).toBeGreaterThan(1);
  for (const queries of calls) {
    expect(queries?.length).toBeLessThanOrEqual(500);
    const ids = (queries ?? []).map(({ Id: id = '' }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^[a-z]\w{0,254}$/);
  }
});

test('a function that was never called has no log, and a query that fails says what to do', async () => {
  stubMetrics({});
  const missing = Object.assign(new Error('no'), { name: 'ResourceNotFoundException' });
  logs.on(StartQueryCommand).rejects(missing);
  await expect(open().read([orders], week)).resolves.toEqual([]);
  logs.on(StartQueryCommand).resolves({ queryId: 'q' });
  logs.on(GetQueryResultsCommand).resolves({ status: 'Failed' });
  await expect(open().read([orders], week)).rejects.toMatchObject({ code: 'LOG_QUERY_FAILED' });
});
