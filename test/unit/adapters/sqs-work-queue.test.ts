import { ChangeMessageVisibilityCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, expect, test } from 'vitest';
import { SqsWorkQueue } from '../../../shared/adapters/aws/sqs-work-queue.ts';
import { BlockedError, TransientError } from '../../../shared/domain/errors.ts';

const URL = 'https://sqs.us-east-1.amazonaws.com/1/work';
const sqs = mockClient(SQSClient);
const queue = new SqsWorkQueue({ sqs: new SQSClient({ region: 'us-east-1' }), url: URL });
const refusal = (name: string): Error => Object.assign(new Error(name), { name });

beforeEach(() => {
  sqs.reset();
  sqs.onAnyCommand().rejects(new Error('not stubbed'));
});

test('one message is one piece of work, at once unless a delay is asked for', async () => {
  sqs.on(SendMessageCommand).resolves({});
  await queue.send({ source: 'orders', task: 'split', extract: 2, slot: 1 });
  await queue.send({ source: 'orders' }, 900);
  expect(sqs.commandCalls(SendMessageCommand).map(({ args }) => args[0].input)).toEqual([
    {
      QueueUrl: URL,
      MessageBody: '{"source":"orders","task":"split","extract":2,"slot":1}',
      DelaySeconds: 0,
    },
    { QueueUrl: URL, MessageBody: '{"source":"orders"}', DelaySeconds: 900 },
  ]);
});

test('what has failed is hidden for as long as it is postponed', async () => {
  sqs.on(ChangeMessageVisibilityCommand).resolves({});
  await queue.postpone('receipt', 30);
  expect(sqs.commandCalls(ChangeMessageVisibilityCommand)[0]?.args[0].input).toEqual({
    ...{ QueueUrl: URL, ReceiptHandle: 'receipt', VisibilityTimeout: 30 },
  });
});

test('failures say what was called, and whether it may pass', async () => {
  sqs.on(SendMessageCommand).rejects(refusal('ThrottlingException'));
  await expect(queue.send({ source: 'orders' })).rejects.toBeInstanceOf(TransientError);
  sqs.on(SendMessageCommand).rejects(refusal('AccessDeniedException'));
  await expect(queue.send({ source: 'orders' })).rejects.toBeInstanceOf(BlockedError);
  await expect(queue.send({ source: 'orders' })).rejects.toThrow(`queue ${URL}`);
});
