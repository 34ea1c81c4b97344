import {
  CloudWatchLogsClient,
  GetQueryResultsCommand,
  StartQueryCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, test } from 'vitest';
import { EventBridgeFindings } from '../../../shared/adapters/aws/event-bridge-findings.ts';
import { InsightsCostLog } from '../../../shared/adapters/aws/insights-cost-log.ts';
import { toFindingEvent } from '../../../shared/domain/watch/finding-event.ts';

const logs = mockClient(CloudWatchLogsClient);
const bus = mockClient(EventBridgeClient);
const options = { region: 'us-east-1' };

beforeEach(() => {
  logs.reset();
  logs.onAnyCommand().rejects(new Error('not stubbed'));
  bus.reset();
  bus.onAnyCommand().rejects(new Error('not stubbed'));
});

describe('costs from Logs Insights', () => {
  const costLog = new InsightsCostLog({ logs: new CloudWatchLogsClient(options), deployment: 'lab' });
  const period = { fromMs: 3_600_000, toMs: 7_200_000 };
  const row = (source: string, usd: string): object[] => [
    { field: 'source', value: source },
    { field: 'usd', value: usd },
  ];

  test('are the sums of all functions of a source, each asked once', async () => {
    logs.on(StartQueryCommand).callsFake(({ logGroupName }: StartQueryCommand['input']) => ({
      queryId: logGroupName,
    }));
    logs.on(GetQueryResultsCommand, { queryId: '/aws/lambda/lab-push' }).resolves({
      status: 'Complete',
      results: [row('orders', '0.5'), row('clicks', '2E-7'), row('removed', '9')],
    });
    logs
      .on(GetQueryResultsCommand, { queryId: '/aws/lambda/lab-stream' })
      .resolves({ status: 'Complete', results: [row('orders', '0.25')] });
    const found = await costLog.read(
      [
        { source: 'orders', lanes: ['push', 'stream'] },
        { source: 'clicks', lanes: ['push'] },
        { source: 'quiet', lanes: ['push'] },
      ],
      period,
    );
    expect([...found]).toEqual([
      ['orders', 0.75],
      ['clicks', 2e-7],
    ]);
    const asked = logs.commandCalls(StartQueryCommand).map(({ args }) => args[0].input);
    expect(asked.map(({ logGroupName }) => logGroupName)).toEqual([
      '/aws/lambda/lab-push',
      '/aws/lambda/lab-stream',
    ]);
    // A line of the first moment of the next hour is in the range of the query, and is left out by its time.
    expect(asked[0]?.queryString).toContain(
      'filter toMillis(@timestamp) >= 3600000 and toMillis(@timestamp) < 7200000',
    );
    expect(asked[0]).toMatchObject({ startTime: 3_600, endTime: 7_200 });
  });

  test('of functions that were never called are nothing; a query that fails is no zero', async () => {
    const missing = Object.assign(new Error('no'), { name: 'ResourceNotFoundException' });
    logs.on(StartQueryCommand).rejects(missing);
    const sources = [{ source: 'orders', lanes: ['push'] }];
    expect((await costLog.read(sources, period)).size).toBe(0);
    logs.on(StartQueryCommand).resolves({ queryId: 'q' });
    logs.on(GetQueryResultsCommand).resolves({ status: 'Failed' });
    await expect(costLog.read(sources, period)).rejects.toMatchObject({ code: 'LOG_QUERY_FAILED' });
  });
});

describe('findings on the event bus', () => {
  const findings = new EventBridgeFindings({ events: new EventBridgeClient(options) });
  const events = Array.from({ length: 23 }, (_, hour) =>
    toFindingEvent('lab', 'orders', {
      status: 'new',
      finding: { kind: 'completeness', hour, sinceHour: hour, amount: 1, message: 'm' },
    }),
  );

  test('go to the default bus, ten at a time, as what rules look for', async () => {
    bus.on(PutEventsCommand).resolves({ FailedEntryCount: 0 });
    await findings.tell(events);
    const entries = bus.commandCalls(PutEventsCommand).map(({ args }) => args[0].input.Entries ?? []);
    expect(entries.map(({ length }) => length)).toEqual([10, 10, 3]);
    expect(entries.flat().map(({ Detail = '' }) => JSON.parse(Detail) as unknown)).toEqual(
      JSON.parse(JSON.stringify(events)),
    );
    expect(entries.flat()[0]).toMatchObject({ Source: 'headgate', DetailType: 'Headgate Source Finding' });
    expect(entries.flat()[0]).not.toHaveProperty('EventBusName');
  });

  test('without any there is no call', async () => {
    await findings.tell([]);
    expect(bus.calls()).toEqual([]);
  });

  test('of which one was not taken are an error: the answer alone is no success', async () => {
    bus.on(PutEventsCommand).resolves({
      FailedEntryCount: 1,
      Entries: [{ EventId: 'a' }, { ErrorCode: 'ThrottlingException', ErrorMessage: 'slow down' }],
    });
    await expect(findings.tell(events)).rejects.toMatchObject({
      code: 'EVENTS_NOT_TAKEN',
      message: expect.stringContaining('ThrottlingException slow down') as string,
    });
  });
});
