import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { GetItemCommand, TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import { createDynamoDbClient, createS3Client } from '../../../shared/adapters/aws/clients.ts';
import { createObject } from '../../../shared/adapters/aws/create-object.ts';
import { callAws } from '../../../shared/adapters/aws/translate-error.ts';
import type { CallTimeouts } from '../../../shared/domain/backoff.ts';
import { BlockedError, TransientError } from '../../../shared/domain/errors.ts';
import { startLocalServer, type LocalServer } from '../../support/local-server.ts';

type Answer = (response: ServerResponse) => void;

let server: LocalServer | undefined;

afterEach(async () => {
  await server?.stop();
  server = undefined;
});

/** A service that gives these answers, the last one for ever. */
async function serve(...answers: readonly Answer[]): Promise<LocalServer> {
  server = await startLocalServer((_request, response, number) => {
    answers[Math.min(number, answers.length) - 1]?.(response);
  });
  return server;
}

const json =
  (status: number, body: object): Answer =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(JSON.stringify(body));
  };
const refusal = (status: number, type: string, more: object = {}): Answer =>
  json(status, { __type: `com.amazonaws.dynamodb.v20120810#${type}`, message: 'refused', ...more });
const xml =
  (status: number, code: string): Answer =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/xml' });
    response.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>refused</Message></Error>`);
  };
const silence: Answer = () => undefined;
const stall: Answer = (response) => {
  response.writeHead(200, { 'content-length': '1000' }).write('x');
};
const ok: Answer = (response) => {
  response.end();
};

const connect = (origin: string, timeouts?: CallTimeouts) => ({
  endpoint: origin,
  region: 'us-east-1',
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  ...(timeouts && { timeouts }),
});
const GET = new GetItemCommand({ TableName: 't', Key: { lane: { S: 'x' } } });
const OBJECT = { Bucket: '127.0.0.1', Key: 'k', Body: Buffer.from('x') };

const get = (client: DynamoDBClient): Promise<unknown> =>
  callAws({ operation: 'GetItem', resource: 't' }, () => client.send(GET));

describe('retries of a client', () => {
  test.each([
    ['a throttle', refusal(400, 'ProvisionedThroughputExceededException')],
    ['a failure of the service', refusal(500, 'InternalServerError')],
    ['a transaction that is under way', refusal(400, 'TransactionInProgressException')],
    [
      'a transaction that met another one',
      refusal(400, 'TransactionCanceledException', {
        CancellationReasons: [{ Code: 'TransactionConflict' }, { Code: 'None' }],
      }),
    ],
  ])('DynamoDB: %s is repeated until it passes, five calls in all', async (_, failure) => {
    const transact = new TransactWriteItemsCommand({
      TransactItems: [{ Delete: { TableName: 't', Key: { lane: { S: 'x' } } } }],
    });
    const passing = await serve(failure, failure, json(200, {}));
    await createDynamoDbClient(connect(passing.origin)).send(transact);
    expect(passing.requests).toHaveLength(3);
    await passing.stop();

    const lasting = await serve(failure);
    const call = callAws({ operation: 'TransactWriteItems', resource: 't' }, () =>
      createDynamoDbClient(connect(lasting.origin)).send(transact),
    );
    await expect(call).rejects.toBeInstanceOf(TransientError);
    expect(lasting.requests).toHaveLength(5);
  });

  test.each([
    ['AccessDeniedException', BlockedError],
    ['ResourceNotFoundException', BlockedError],
    ['ValidationException', Error],
    ['ConditionalCheckFailedException', Error],
  ])('DynamoDB: %s is not repeated', async (type, thrown) => {
    const { origin, requests } = await serve(refusal(400, type));
    const failure = await get(createDynamoDbClient(connect(origin))).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(thrown);
    expect(failure).not.toBeInstanceOf(TransientError);
    expect(requests).toHaveLength(1);
  });

  test('S3: of two simultaneous writers both may be refused; the repetition finds out who has won', async () => {
    const { origin, requests } = await serve(
      xml(409, 'ConditionalRequestConflict'),
      xml(409, 'OperationAborted'),
      xml(503, 'SlowDown'),
      xml(412, 'PreconditionFailed'),
    );
    expect(await createObject(createS3Client(connect(origin)), OBJECT)).toBe('exists');
    expect(requests).toHaveLength(4);
  });

  test('S3: a conflict that does not end fails passingly after five calls', async () => {
    const { origin, requests } = await serve(xml(409, 'ConditionalRequestConflict'));
    await expect(createObject(createS3Client(connect(origin)), OBJECT)).rejects.toBeInstanceOf(
      TransientError,
    );
    expect(requests).toHaveLength(5);
  });

  test('S3: denied access is not repeated', async () => {
    const { origin, requests } = await serve(xml(403, 'AccessDenied'));
    await expect(createObject(createS3Client(connect(origin)), OBJECT)).rejects.toBeInstanceOf(BlockedError);
    expect(requests).toHaveLength(1);
  });

  test('a service that never answers is given up within the time of the call', async () => {
    const timeouts = { attemptMs: 100, callMs: 350 };
    const { origin, requests } = await serve(silence);
    const startMs = performance.now();
    await expect(get(createDynamoDbClient(connect(origin, timeouts)))).rejects.toBeInstanceOf(TransientError);
    // The rest is what this machine needs to notice.
    expect(performance.now() - startMs).toBeLessThan(timeouts.callMs + 150);
    expect(requests.length).toBeGreaterThanOrEqual(2);
    expect(requests.length).toBeLessThanOrEqual(3);
  });

  test('an answer that begins and stalls is given up, too', async () => {
    const { origin } = await serve(stall);
    const client = createS3Client(connect(origin, { attemptMs: 100, callMs: 350 }));
    const read = client
      .send(new GetObjectCommand({ Bucket: '127.0.0.1', Key: 'k' }))
      .then(({ Body }) => Body?.transformToByteArray());
    await expect(read).rejects.toMatchObject({ name: 'TimeoutError' });
  });

  test('a client whose calls all fail stops repeating, and begins again after successes', async () => {
    let isDown = true;
    const failing = refusal(500, 'InternalServerError');
    const { origin, requests } = await serve((response) => {
      (isDown ? failing : json(200, {}))(response);
    });
    const client = createDynamoDbClient(connect(origin));
    const calls = Array.from({ length: 30 }, () => get(client));
    const outcomes = await Promise.allSettled(calls);
    expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true);
    // 120 repetitions would be due.
    expect(requests).toHaveLength(130);
    isDown = false;
    for (let call = 0; call < 4; call++) await get(client);
    isDown = true;
    await get(client).catch(() => undefined);
    expect(requests).toHaveLength(130 + 4 + 5);
  });

  test('a stalled upload is bounded as well', async () => {
    const { origin } = await serve(silence);
    const client = createS3Client(connect(origin, { attemptMs: 100, callMs: 150 }));
    const put = callAws({ operation: 'PutObject', resource: 'k' }, () =>
      client.send(new PutObjectCommand({ ...OBJECT, Body: Buffer.alloc(1_000_000) })),
    );
    await expect(put).rejects.toBeInstanceOf(TransientError);
  });

  test('after a lost answer the same request is sent again', async () => {
    const { origin, requests } = await serve((response) => response.destroy(), ok);
    expect(await createObject(createS3Client(connect(origin)), OBJECT)).toBe('created');
    expect(requests).toHaveLength(2);
    const [first, second] = requests.map(({ headers }) => headers['amz-sdk-invocation-id']);
    expect(second).toBe(first);
  });
});
