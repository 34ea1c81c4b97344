import { InvokeCommand } from '@aws-sdk/client-lambda';
import { PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import { DeleteObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { CreateQueueCommand, GetQueueAttributesCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { beforeAll, describe, expect, test } from 'vitest';
import { issueWriteKey } from '../../../demo/issue-write-key.ts';
import { createEventBridgeClient, createLogsClient } from '../../../shared/adapters/aws/clients.ts';
import { DynamoCostHistory } from '../../../shared/adapters/aws/dynamo-cost-history.ts';
import { DynamoCountStore } from '../../../shared/adapters/aws/dynamo-count-store.ts';
import { DynamoFindingStore } from '../../../shared/adapters/aws/dynamo-finding-store.ts';
import { EventBridgeFindings } from '../../../shared/adapters/aws/event-bridge-findings.ts';
import { LineCostLog } from '../../../shared/adapters/aws/line-cost-log.ts';
import { LogActivity } from '../../../shared/adapters/aws/log-activity.ts';
import { systemClock } from '../../../shared/adapters/aws/system-clock.ts';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';
import { MemoryTelemetry } from '../../../shared/adapters/memory/memory-telemetry.ts';
import { loadConfig } from '../../../shared/config/load-config.ts';
import { watchTargetsOf } from '../../../shared/config/watch-settings-of.ts';
import { hourOf } from '../../../shared/domain/record-counts.ts';
import type { FindingEvent } from '../../../shared/domain/watch/finding-event.ts';
import {
  watchSources,
  type WatchDeps,
  type WatchOutcome,
} from '../../../shared/pipeline/watch/watch-sources.ts';
import { useCloud } from '../../support/cloud.ts';

const CONFIG = 'test/fixtures/landing.config.ts';
const { cloud, clients } = useCloud({ config: CONFIG });

const HOUR_MS = 3_600_000;
const RUN_TIMEOUT_MS = 60_000;
/** Collected each hour, so that frames wait. */
const SOURCE = 'reports';

let connection: {
  endpoint: string;
  region: string;
  credentials: { accessKeyId: string; secretAccessKey: string };
};
let key = '';
let queueUrl = '';
let deps: WatchDeps;
const telemetry = new MemoryTelemetry();
/** The hour is over, and so are the six hours that records may take, while the emulator's own clock goes on. */
const clock = new ManualClock({ startMs: Date.now() + 8 * HOUR_MS });

beforeAll(async () => {
  connection = {
    endpoint: cloud().endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  };
  key = await issueWriteKey(connection, cloud().output('AccessTableName'), SOURCE);
  const config = await loadConfig(CONFIG);
  const { dynamodb } = clients();
  const table = cloud().output('LedgerTableName');
  const events = createEventBridgeClient(connection);
  queueUrl = await subscribe(events);
  deps = {
    deployment: config.name,
    sources: watchTargetsOf(config),
    counts: new DynamoCountStore({ dynamodb, table, clock: systemClock }),
    findings: new DynamoFindingStore({ dynamodb, table, clock: systemClock }),
    costs: new DynamoCostHistory({ dynamodb, table, clock: systemClock }),
    costLog: new LineCostLog(
      new LogActivity({ logs: createLogsClient(connection), deployment: config.name }),
    ),
    events: new EventBridgeFindings({ events }),
    clock,
    telemetry,
  };
});

/** A queue that gets every event of findings. */
async function subscribe(events: ReturnType<typeof createEventBridgeClient>): Promise<string> {
  const { QueueUrl: url = '' } = await clients().sqs.send(new CreateQueueCommand({ QueueName: 'findings' }));
  const { Attributes } = await clients().sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['QueueArn'] }),
  );
  const pattern = { source: ['headgate'], 'detail-type': ['Headgate Source Finding'] };
  await events.send(new PutRuleCommand({ Name: 'findings', EventPattern: JSON.stringify(pattern) }));
  await events.send(
    new PutTargetsCommand({ Rule: 'findings', Targets: [{ Id: 'queue', Arn: Attributes?.['QueueArn'] }] }),
  );
  return url;
}

/** Events that have come since. */
async function received(): Promise<FindingEvent[]> {
  const { Messages = [] } = await clients().sqs.send(
    new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 }),
  );
  return Messages.map(({ Body = '{}' }) => (JSON.parse(Body) as { detail: FindingEvent }).detail);
}

async function push(...ids: readonly string[]): Promise<void> {
  const response = await fetch(`${cloud().output('ApiUrl')}/v1/sources/${SOURCE}/records`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify(ids.map((id) => ({ id, at: '2026-03-01T10:15:00Z' }))),
  });
  expect([response.status, await response.text()]).toEqual([202, expect.stringContaining('"accepted"')]);
}

async function invoke(name: string, event: unknown): Promise<unknown> {
  const { FunctionError: failed, Payload: payload } = await clients().lambda.send(
    new InvokeCommand({ FunctionName: cloud().output(name), Payload: JSON.stringify(event) }),
  );
  const text = Buffer.from(payload ?? []).toString();
  expect(failed, text).toBeUndefined();
  return JSON.parse(text);
}

/** Keys of frames that wait to be landed. */
async function frames(): Promise<string[]> {
  const { Contents = [] } = await clients().s3.send(
    new ListObjectsV2Command({
      Bucket: cloud().output('LakeBucketName'),
      Prefix: `landing/frames/${SOURCE}/`,
    }),
  );
  return Contents.flatMap(({ Key }) => Key ?? []);
}

const missing = ({ sources }: WatchOutcome): number[] =>
  sources.flatMap(({ findings }) =>
    findings.map(({ kind, amount }) => (kind === 'completeness' ? amount : -1)),
  );

describe('the hourly watch', () => {
  test(
    'finds nothing where everything that was accepted is landed, a duplicate or in quarantine',
    async () => {
      await push('a', 'b', 'c');
      await push('a', 'd');
      await invoke('LandFunctionName', { sources: [SOURCE] });
      expect(missing(await watchSources(deps))).toEqual([]);
      expect(await received()).toEqual([]);
    },
    RUN_TIMEOUT_MS,
  );

  test(
    'finds exactly the records of a frame that has disappeared, and tells of them once',
    async () => {
      await push('e', 'f');
      const others = new Set(await frames());
      await push('g', 'h', 'i');
      const lost = (await frames()).filter((name) => !others.has(name));
      expect(lost).toHaveLength(1);
      await clients().s3.send(
        new DeleteObjectCommand({ Bucket: cloud().output('LakeBucketName'), Key: lost[0] }),
      );
      await invoke('LandFunctionName', { sources: [SOURCE] });

      expect(missing(await watchSources(deps))).toEqual([3]);
      expect(telemetry.total('MissingRecords', SOURCE)).toBe(3);
      expect(await received()).toMatchObject([
        {
          deployment: 'headgate-collected',
          source: SOURCE,
          kind: 'completeness',
          severity: 'critical',
          status: 'new',
          amount: 3,
          runbook: 'docs/runbooks/completeness.md',
        },
      ]);

      clock.advance(HOUR_MS);
      expect(missing(await watchSources(deps))).toEqual([3]);
      expect(await received()).toEqual([]);
    },
    RUN_TIMEOUT_MS,
  );

  test(
    'is deployed with what it needs: it reads logs and counts, and keeps what it has found',
    async () => {
      const hour = hourOf(Date.now());
      // The hour that runs is not judged yet; the clock of the function is the real one.
      const { sources } = (await invoke('WatchFunctionName', {})) as WatchOutcome;
      expect(sources.map(({ source }) => source).sort()).toEqual(['minutely', SOURCE]);
      const kept = await deps.findings.read('minutely');
      expect(kept?.findings).toEqual([]);
      expect(Math.abs((kept?.checkedAtMs ?? 0) - Date.now())).toBeLessThan(RUN_TIMEOUT_MS);
      const known = await deps.costs.read(SOURCE, hour - 3, hour - 2);
      expect(known.map(({ hour: each }) => each)).toEqual([hour - 3, hour - 2]);
    },
    RUN_TIMEOUT_MS,
  );
});
