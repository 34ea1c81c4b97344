import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { KinesisClient, PutRecordsCommand } from '@aws-sdk/client-kinesis';
import { S3Client, PutObjectCommand } from '@aws-sdk/client-s3';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { injectFaults } from '../../../shared/adapters/aws/fault-middleware.ts';
import {
  seededFaults,
  type Attempt,
  type Fault,
  type FaultPlan,
} from '../../../shared/adapters/faults/fault-plan.ts';
import { translateError } from '../../../shared/adapters/aws/translate-error.ts';
import { dispositionOf } from '../../../shared/domain/errors.ts';

let server: Server;
let endpoint: string;
/** Bodies of the requests that reached the service. */
let received: string[];

beforeEach(async () => {
  received = [];
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      received.push(body);
      const records = request.headers['x-amz-target']?.includes('PutRecords') === true;
      const entries = records ? (JSON.parse(body) as { Records: unknown[] }).Records : [];
      response.setHeader('content-type', 'application/x-amz-json-1.0');
      response.end(
        records
          ? JSON.stringify({
              FailedRecordCount: 0,
              Records: entries.map((_, i) => ({ SequenceNumber: String(i + 1), ShardId: 's' })),
            })
          : request.method === 'PUT'
            ? ''
            : '{}',
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  endpoint = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function options(): object {
  return {
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 3,
    forcePathStyle: true,
    requestHandler: new NodeHttpHandler(),
  };
}

/** The first attempt meets the fault. */
function once(fault: Fault): FaultPlan & { readonly attempts: Attempt[] } {
  const attempts: Attempt[] = [];
  return {
    attempts,
    onAttempt: (attempt) => {
      attempts.push(attempt);
      return attempts.length === 1 ? fault : undefined;
    },
  };
}

const get = new GetItemCommand({ TableName: 't', Key: { lane: { S: 'x' } } });

describe('fault middleware', () => {
  test.each([
    ['reset-before', 1],
    ['reset-after', 2],
    ['throttle', 1],
    ['server-error', 1],
  ] as const)(
    'after %s the SDK repeats the call, so the service has seen it %i times',
    async (kind, times) => {
      const client = new DynamoDBClient(options());
      const plan = once({ kind });
      injectFaults(client, plan);
      await client.send(get);
      expect(received).toHaveLength(times);
      expect(plan.attempts).toEqual([
        { operation: 'GetItem', attempt: 1 },
        { operation: 'GetItem', attempt: 2 },
      ]);
    },
  );

  test('attempts are counted per call', async () => {
    const client = new DynamoDBClient(options());
    const attempts: number[] = [];
    injectFaults(client, { onAttempt: ({ attempt }) => void attempts.push(attempt) });
    await Promise.all([client.send(get), client.send(get)]);
    expect(attempts).toEqual([1, 1]);
  });

  test('a delay changes nothing but the time', async () => {
    const client = new DynamoDBClient(options());
    injectFaults(client, once({ kind: 'delay', ms: 30 }));
    const startMs = performance.now();
    await client.send(get);
    expect(performance.now() - startMs).toBeGreaterThan(25);
    expect(received).toHaveLength(1);
  });

  test.each([
    ['access-denied', 'block'],
    ['throttle', 'retry'],
    ['server-error', 'retry'],
    ['reset-before', 'retry'],
    ['conflict', 'retry'],
  ] as const)('%s is translated as the real one would be: %s', async (kind, disposition) => {
    for (const [client, command] of [
      [new DynamoDBClient(options()), get],
      [new S3Client(options()), new PutObjectCommand({ Bucket: 'b', Key: 'k', Body: 'x' })],
    ] as const) {
      injectFaults(client, { onAttempt: () => ({ kind }) });
      const failure = await (client as { send(command: unknown): Promise<unknown> })
        .send(command)
        .catch((error: unknown) => translateError(error, { operation: 'Call', resource: 'it' }));
      expect(failure).toBeInstanceOf(Error);
      expect(dispositionOf(failure)).toBe(disposition);
      expect((failure as Error).name).not.toBe('Error');
    }
    expect(received).toEqual([]);
  });

  test('entries of PutRecords fail where the plan says; only the others are sent', async () => {
    const client = new KinesisClient(options());
    injectFaults(client, { failEntries: () => [0, 2] });
    const Records = ['a', 'b', 'c', 'd'].map((PartitionKey) => ({ PartitionKey, Data: Buffer.from('x') }));
    const answer = await client.send(new PutRecordsCommand({ StreamName: 's', Records }));
    expect(answer.FailedRecordCount).toBe(2);
    expect(answer.Records?.map(({ ErrorCode, SequenceNumber }) => ErrorCode ?? SequenceNumber)).toEqual([
      'ProvisionedThroughputExceededException',
      '1',
      'ProvisionedThroughputExceededException',
      '2',
    ]);
    expect(received.map((body) => body.match(/"PartitionKey":"."/g))).toEqual([
      ['"PartitionKey":"b"', '"PartitionKey":"d"'],
    ]);
  });

  test('when every entry fails, nothing is sent', async () => {
    const client = new KinesisClient(options());
    injectFaults(client, { failEntries: () => [0] });
    const answer = await client.send(
      new PutRecordsCommand({ StreamName: 's', Records: [{ PartitionKey: 'a', Data: Buffer.from('x') }] }),
    );
    expect(answer.FailedRecordCount).toBe(1);
    expect(received).toEqual([]);
  });
});

describe('seeded faults', () => {
  test('the same seed gives the same faults, another one others', () => {
    const rates = { throttle: 0.2, 'reset-after': 0.2, delay: 0.1, partial: 0.5 };
    const sequence = (seed: number): string => {
      const plan = seededFaults(seed, rates);
      return JSON.stringify(
        Array.from({ length: 100 }, (_, i) => [
          plan.onAttempt({ operation: 'PutItem', attempt: 1 }),
          plan.failEntries(i % 7),
        ]),
      );
    };
    expect(sequence(1)).toBe(sequence(1));
    expect(sequence(1)).not.toBe(sequence(2));
  });

  test('faults come as often as their rates say', () => {
    const plan = seededFaults(7, { throttle: 0.2, 'reset-after': 0.1 });
    const seen = new Map<string, number>();
    for (let i = 0; i < 10_000; i++) {
      const kind = plan.onAttempt({ operation: 'PutItem', attempt: 1 })?.kind ?? 'none';
      seen.set(kind, (seen.get(kind) ?? 0) + 1);
    }
    expect(seen.get('throttle')).toBeGreaterThan(1_850);
    expect(seen.get('throttle')).toBeLessThan(2_150);
    expect(seen.get('reset-after')).toBeGreaterThan(880);
    expect(seen.get('reset-after')).toBeLessThan(1_120);
    expect([...seen.keys()].sort()).toEqual(['none', 'reset-after', 'throttle']);
  });

  test('without rates nothing goes wrong', () => {
    const plan = seededFaults(3, {});
    for (let i = 0; i < 200; i++) {
      expect(plan.onAttempt({ operation: 'PutItem', attempt: 1 })).toBeUndefined();
      expect(plan.failEntries(10)).toEqual([]);
    }
  });
});
