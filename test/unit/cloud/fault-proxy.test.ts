import { GetItemCommand, PutItemCommand, TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import { PutRecordsCommand } from '@aws-sdk/client-kinesis';
import { GetObjectCommand, HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { GetParameterCommand } from '@aws-sdk/client-ssm';
import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createAwsClients, type AwsClients } from '../../../cloud/aws-clients.ts';
import { startFaultProxy, type FaultProxy } from '../../../cloud/fault-proxy/fault-proxy.ts';
import type { SeenRequest } from '../../../cloud/fault-proxy/seen-request.ts';
import { describeStoreFaults, parseStoreFaults } from '../../../cloud/fault-proxy/store-faults.ts';
import { createDynamoDbClient, createS3Client } from '../../../shared/adapters/aws/clients.ts';
import { PolicyRetryStrategy } from '../../../shared/adapters/aws/retry-strategy.ts';
import { translateError } from '../../../shared/adapters/aws/translate-error.ts';
import type { Fault, FaultPlan } from '../../../shared/adapters/faults/fault-plan.ts';
import { DEFAULT_RETRY_POLICY, LANDING_TIMEOUTS } from '../../../shared/domain/backoff.ts';
import { dispositionOf } from '../../../shared/domain/errors.ts';

/** A request that has reached the service. */
interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
}

let server: Server;
let target: string;
let received: Received[];
let objectBytes: Buffer;
const open: { stop: () => Promise<void> | void }[] = [];

beforeEach(async () => {
  received = [];
  objectBytes = Buffer.from('object');
  server = createServer((request, response) => {
    void buffer(request).then((body) => {
      received.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body });
      const isRecords = request.headers['x-amz-target']?.includes('PutRecords') === true;
      if (isRecords) {
        const { Records } = JSON.parse(body.toString()) as { Records: { PartitionKey: string }[] };
        response.end(
          JSON.stringify({
            FailedRecordCount: 0,
            Records: Records.map(({ PartitionKey }) => ({ SequenceNumber: PartitionKey, ShardId: 's' })),
          }),
        );
      } else if (request.headers['x-amz-target'] !== undefined) response.end('{}');
      else if (request.method === 'GET') response.end(objectBytes);
      else response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  target = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
});

afterEach(async () => {
  for (const { stop } of open.splice(0)) await stop();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function start(plan: FaultPlan = {}): Promise<{ proxy: FaultProxy; clients: AwsClients }> {
  const proxy = await startFaultProxy({ target, plan });
  const clients = createAwsClients(proxy.endpoint);
  open.push(
    {
      stop: () => {
        clients.destroy();
      },
    },
    { stop: () => proxy.stop() },
  );
  return { proxy, clients };
}

const connection = (proxy: FaultProxy) => ({
  endpoint: proxy.endpoint,
  region: 'us-east-1',
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
});

/** The first attempt meets the fault. */
const once = (fault: Fault): FaultPlan => {
  let isFirst = true;
  return {
    onAttempt: () => {
      const met = isFirst ? fault : undefined;
      isFirst = false;
      return met;
    },
  };
};

const GET_ITEM = new GetItemCommand({ TableName: 'ledger', Key: { lane: { S: 'x' } } });
const PUT_ITEM = new PutItemCommand({ TableName: 'claims', Item: { bucket: { S: 'x' } } });
const TRANSACT = new TransactWriteItemsCommand({
  TransactItems: [{ Put: { TableName: 'ledger', Item: { lane: { S: 'x' } } } }],
});
const CREATE = new PutObjectCommand({ Bucket: 'lake', Key: 'raw/a.parquet', Body: 'x', IfNoneMatch: '*' });
const OVERWRITE = new PutObjectCommand({ Bucket: 'lake', Key: 'raw/a.parquet', Body: 'x' });
const HEAD = new HeadObjectCommand({ Bucket: 'lake', Key: 'raw/a.parquet' });
const PUT_RECORDS = new PutRecordsCommand({
  StreamName: 'ingest',
  Records: ['a', 'b', 'c', 'd'].map((PartitionKey) => ({ PartitionKey, Data: Buffer.from('x') })),
});
const GET_PARAMETER = new GetParameterCommand({ Name: '/p' });

type Refusing = 'throttle' | 'server-error' | 'access-denied' | 'conflict';

/** A client that makes each call once. */
function withoutRetries<Client extends { readonly config: object }>(client: Client): Client {
  const strategy = new PolicyRetryStrategy({ ...DEFAULT_RETRY_POLICY, maxAttempts: 1 }, LANDING_TIMEOUTS);
  Object.assign(client.config, { retryStrategy: () => Promise.resolve(strategy) });
  return client;
}

/** The error of one attempt. */
async function failureOf(
  kind: Refusing,
  service: 's3' | 'dynamodb' | 'kinesis' | 'ssm',
  command: object,
): Promise<unknown> {
  const { clients } = await start({ onAttempt: () => ({ kind }) });
  const client: { send(command: object): Promise<unknown> } = withoutRetries(clients[service]);
  return client.send(command).then(
    () => 'answered',
    (error: unknown) => error,
  );
}

describe('faults on the wire', () => {
  test.each([
    ['dynamodb', GET_ITEM, 'throttle', 'ProvisionedThroughputExceededException', 'retry'],
    ['dynamodb', GET_ITEM, 'server-error', 'InternalServerError', 'retry'],
    ['dynamodb', GET_ITEM, 'access-denied', 'AccessDeniedException', 'block'],
    ['dynamodb', PUT_ITEM, 'conflict', 'TransactionConflictException', 'retry'],
    ['dynamodb', TRANSACT, 'conflict', 'TransactionInProgressException', 'retry'],
    ['s3', CREATE, 'throttle', 'SlowDown', 'retry'],
    ['s3', CREATE, 'server-error', 'InternalError', 'retry'],
    ['s3', CREATE, 'access-denied', 'AccessDenied', 'block'],
    ['s3', CREATE, 'conflict', 'ConditionalRequestConflict', 'retry'],
    ['s3', OVERWRITE, 'conflict', 'OperationAborted', 'retry'],
    ['kinesis', PUT_RECORDS, 'throttle', 'ProvisionedThroughputExceededException', 'retry'],
    ['kinesis', PUT_RECORDS, 'server-error', 'InternalFailure', 'retry'],
    ['kinesis', PUT_RECORDS, 'access-denied', 'AccessDeniedException', 'block'],
    ['ssm', GET_PARAMETER, 'throttle', 'ThrottlingException', 'retry'],
  ] as const)(
    '%s %# %s: the SDK throws what the service would make it throw (%s)',
    async (service, command, kind, name, disposition) => {
      const failure = await failureOf(kind, service, command);
      expect((failure as Error).name).toBe(name);
      expect(dispositionOf(translateError(failure, { operation: 'Call', resource: 'it' }))).toBe(disposition);
      expect(received).toEqual([]);
    },
  );

  test.each(['throttle', 'server-error', 'access-denied'] as const)(
    'S3 %s: a HEAD, whose answer has no body, fails with its meaning, too',
    async (kind) => {
      const failure = translateError(await failureOf(kind, 's3', HEAD), {
        operation: 'Head',
        resource: 'it',
      });
      expect(dispositionOf(failure)).toBe(kind === 'access-denied' ? 'block' : 'retry');
      expect(failure.name).toMatch(/TransientError|BlockedError/);
    },
  );

  test.each([
    ['dynamodb', GET_ITEM],
    ['s3', HEAD],
    ['kinesis', PUT_RECORDS],
  ] as const)('a call of %s that cannot conflict does not', async (service, command) => {
    expect(await failureOf('conflict', service, command)).toBe('answered');
    expect(received).toHaveLength(1);
  });

  test.each([
    ['reset-before', 1],
    ['reset-after', 2],
    ['throttle', 1],
    ['server-error', 1],
    ['conflict', 1],
  ] as const)('after %s our clients repeat a call; the service has seen it %i times', async (kind, times) => {
    for (const command of [PUT_ITEM, CREATE]) {
      received = [];
      const { proxy } = await start(once({ kind }));
      const client: { send(command: object): Promise<unknown>; destroy(): void } =
        command === CREATE ? createS3Client(connection(proxy)) : createDynamoDbClient(connection(proxy));
      open.push({
        stop: () => {
          client.destroy();
        },
      });
      await client.send(command);
      expect(received).toHaveLength(times);
      expect(proxy.counts().requests).toBe(2);
      expect(Object.values(proxy.counts().faults)).toEqual([1]);
    }
  });

  test('a delay costs time and nothing else', async () => {
    const { clients, proxy } = await start(once({ kind: 'delay', ms: 40 }));
    const startMs = performance.now();
    await clients.dynamodb.send(GET_ITEM);
    expect(performance.now() - startMs).toBeGreaterThan(35);
    expect(proxy.counts()).toEqual({ requests: 1, faults: { 'dynamodb delay': 1 } });
  });

  test('entries of PutRecords fail where the plan says; only the others are stored', async () => {
    const { clients, proxy } = await start({ failEntries: () => [0, 2] });
    const answer = await clients.kinesis.send(PUT_RECORDS);
    expect(answer.FailedRecordCount).toBe(2);
    expect(answer.Records?.map(({ ErrorCode, SequenceNumber }) => ErrorCode ?? SequenceNumber)).toEqual([
      'ProvisionedThroughputExceededException',
      'b',
      'ProvisionedThroughputExceededException',
      'd',
    ]);
    expect(received[0]?.body.toString().match(/"PartitionKey":"."/g)).toEqual([
      '"PartitionKey":"b"',
      '"PartitionKey":"d"',
    ]);
    expect(proxy.counts().faults).toEqual({ 'kinesis partial': 1 });
  });

  test('when every entry fails, nothing is sent', async () => {
    const { clients } = await start({
      failEntries: (entries) => Array.from({ length: entries }, (_, i) => i),
    });
    expect((await clients.kinesis.send(PUT_RECORDS)).FailedRecordCount).toBe(4);
    expect(received).toEqual([]);
  });
});

describe('without faults', () => {
  test('bodies of any size go through unchanged, in both directions', async () => {
    const { clients } = await start();
    const body = randomBytes(9_000_000);
    objectBytes = randomBytes(7_000_000);
    await clients.s3.send(
      new PutObjectCommand({ Bucket: 'lake', Key: 'k', Body: body, ContentLength: body.length }),
    );
    expect(received[0]?.body.includes(body)).toBe(true);
    const { Body } = await clients.s3.send(new GetObjectCommand({ Bucket: 'lake', Key: 'k' }));
    expect(Buffer.from((await Body?.transformToByteArray()) ?? []).equals(objectBytes)).toBe(true);
  });

  test('a service that is gone looks like a broken connection; one that closes idle connections does not', async () => {
    const gone = await startFaultProxy({ target: 'http://127.0.0.1:1' });
    const client = withoutRetries(createAwsClients(gone.endpoint).dynamodb);
    open.push(
      {
        stop: () => {
          client.destroy();
        },
      },
      { stop: () => gone.stop() },
    );
    await expect(client.send(GET_ITEM)).rejects.toMatchObject({ code: 'ECONNRESET' });

    const { clients } = await start();
    const own = withoutRetries(clients.dynamodb);
    await own.send(GET_ITEM);
    server.closeIdleConnections();
    await sleep(20);
    await own.send(GET_ITEM);
    expect(received).toHaveLength(2);
  });
});

describe('rules of tests', () => {
  test('tell every call by service, operation, resource, attempt and caller', async () => {
    const { clients, proxy } = await start();
    const seen: SeenRequest[] = [];
    proxy.use({ matches: (request) => seen.push(request) > 0 });
    await clients.dynamodb.send(PUT_ITEM);
    await clients.dynamodb.send(TRANSACT);
    await clients.s3.send(CREATE);
    await clients.s3.send(HEAD);
    await clients.kinesis.send(PUT_RECORDS);
    await clients.ssm.send(GET_PARAMETER);
    expect(
      seen.map(({ service, operation, resource, attempt, isCreation }) =>
        [service, operation, resource, attempt, isCreation].join(' '),
      ),
    ).toEqual([
      'dynamodb PutItem claims 1 false',
      'dynamodb TransactWriteItems ledger 1 false',
      's3 PutObject raw/a.parquet 1 true',
      's3 HeadObject raw/a.parquet 1 false',
      'kinesis PutRecords ingest 1 false',
      'ssm GetParameter /p 1 false',
    ]);
    expect(seen[0]?.input).toMatchObject({ Item: { bucket: { S: 'x' } } });
  });

  test.runIf(process.platform === 'linux')('tell which process calls', async () => {
    const { clients, proxy } = await start();
    let pid: number | undefined;
    proxy.use({
      matches: () => true,
      before: async (request) => {
        pid = await request.callerPid();
        return 'pass';
      },
    });
    await clients.dynamodb.send(GET_ITEM);
    expect(pid).toBe(process.pid);
  });

  test('hold a call before its effect until they resolve, and others go on meanwhile', async () => {
    const { clients, proxy } = await start();
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      proxy.use({
        matches: ({ operation }) => operation === 'PutItem',
        before: async () => {
          resolve();
          await new Promise<void>((go) => (release = go));
          return 'pass';
        },
      });
    });
    const put = clients.dynamodb.send(PUT_ITEM);
    await held;
    await clients.dynamodb.send(GET_ITEM);
    expect(received).toHaveLength(1);
    release();
    await put;
    expect(received).toHaveLength(2);
  });

  test.each([
    ['before', 0],
    ['after', 1],
  ] as const)('drop a call %s its effect', async (when, effects) => {
    const { proxy, clients } = await start();
    const statuses: (number | undefined)[] = [];
    const remove = proxy.use({
      matches: () => true,
      [when]: (_: SeenRequest, status?: number) => {
        statuses.push(status);
        return Promise.resolve('drop');
      },
    });
    const client = withoutRetries(clients.dynamodb);
    await expect(client.send(PUT_ITEM)).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(received).toHaveLength(effects);
    expect(statuses[0]).toBe(when === 'after' ? 200 : undefined);
    remove();
    received = [];
    await client.send(PUT_ITEM);
    expect(received).toHaveLength(1);
  });
});

test('a rule denies a call as its service does, and the call has no effect', async () => {
  const { proxy, clients } = await start();
  const remove = proxy.use({
    matches: ({ operation }) => operation === 'PutItem',
    before: () => Promise.resolve('deny'),
  });
  await expect(clients.dynamodb.send(PUT_ITEM)).rejects.toMatchObject({ name: 'AccessDeniedException' });
  expect(received).toEqual([]);
  remove();
  await clients.dynamodb.send(PUT_ITEM);
  expect(received).toHaveLength(1);
});

describe('faults of the command line', () => {
  test('name their rates, and a seed', () => {
    const faults = parseStoreFaults('seed=7, throttle=0.05,reset-after=0.1,partial=1');
    expect(faults).toEqual({ seed: 7, rates: { throttle: 0.05, 'reset-after': 0.1, partial: 1 } });
    expect(describeStoreFaults(faults)).toBe('seed 7: throttle 5 %, reset-after 10 %, partial 100 %');
    expect(parseStoreFaults('delay=0.5')).toEqual({ seed: 1, rates: { delay: 0.5 } });
  });

  test.each([
    ['thrott1e=0.1', /"thrott1e=0.1" is not valid: it must be seed or one of delay, throttle/],
    ['', /"" is not valid/],
    ['throttle', /a rate must be a number from 0 to 1/],
    ['throttle=1.5', /a rate must be a number from 0 to 1/],
    ['throttle=-0.1', /a rate must be a number from 0 to 1/],
    ['throttle=five', /a rate must be a number from 0 to 1/],
    ['seed=x', /the seed must be an integer/],
    ['seed=', /the seed must be an integer/],
    ['throttle=0.6,reset-after=0.6', /add up to 1.2; it must be 1 at most/],
  ])('%j is refused with what is wrong, what is allowed and an example', (text, message) => {
    expect(() => parseStoreFaults(text)).toThrow(message);
    expect(() => parseStoreFaults(text)).toThrow(/Example: --faults seed=1/);
  });
});
