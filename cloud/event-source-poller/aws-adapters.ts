import {
  ExpiredIteratorException,
  GetRecordsCommand,
  GetShardIteratorCommand,
  ListShardsCommand,
  ResourceNotFoundException,
  type KinesisClient,
  type Shard as KinesisShard,
} from '@aws-sdk/client-kinesis';
import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { GetQueueUrlCommand, SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FailureDestination, Invoker, PollerClock, Shard, ShardReader } from './ports.ts';
import { toFailureKey } from './to-invocation-record.ts';

/**
 * The emulator's sequence numbers have this many digits, zeros at their front included, and are compared as text. Those
 * of AWS have no zeros there, and code that runs on AWS may rely on it.
 */
const EMULATED_DIGITS = 30;

const toSequenceNumber = (emulated: string): string => emulated.replace(/^0+(?=\d)/, '');

/** Reads shards through the Kinesis API. */
export function createShardReader(kinesis: KinesisClient): ShardReader {
  return {
    async listShards(streamArn) {
      const shards: Shard[] = [];
      let token: string | undefined;
      do {
        const page = await kinesis.send(
          new ListShardsCommand(token === undefined ? { StreamARN: streamArn } : { NextToken: token }),
        );
        shards.push(...(page.Shards ?? []).map(toShard));
        token = page.NextToken;
      } while (token !== undefined);
      return shards;
    },
    async open(streamArn, shardId, position) {
      try {
        const { ShardIterator } = await kinesis.send(
          new GetShardIteratorCommand({
            StreamARN: streamArn,
            ShardId: shardId,
            ...('after' in position
              ? {
                  ShardIteratorType: 'AFTER_SEQUENCE_NUMBER',
                  StartingSequenceNumber: position.after.padStart(EMULATED_DIGITS, '0'),
                }
              : { ShardIteratorType: position.at }),
          }),
        );
        return ShardIterator;
      } catch (error) {
        if (error instanceof ResourceNotFoundException) return undefined;
        throw error;
      }
    },
    async read(iterator, maxRecords) {
      try {
        const page = await kinesis.send(
          new GetRecordsCommand({ ShardIterator: iterator, Limit: maxRecords }),
        );
        return {
          records: (page.Records ?? []).map((record) => ({
            sequenceNumber: toSequenceNumber(record.SequenceNumber ?? ''),
            partitionKey: record.PartitionKey ?? '',
            data: record.Data ?? new Uint8Array(),
            arrivedAtMs: record.ApproximateArrivalTimestamp?.getTime() ?? 0,
          })),
          next: page.NextShardIterator,
        };
      } catch (error) {
        if (error instanceof ExpiredIteratorException) return 'expired';
        // The emulator forgets a shard when it is split or merged; on AWS it would be closed.
        if (error instanceof ResourceNotFoundException) return { records: [], next: undefined };
        throw error;
      }
    },
  };
}

function toShard({ ShardId, ParentShardId, AdjacentParentShardId }: KinesisShard): Shard {
  return {
    id: ShardId ?? '',
    parentIds: [ParentShardId, AdjacentParentShardId].filter((id) => id !== undefined),
  };
}

/** Calls functions synchronously. The client must not retry by itself: a repeated call would be a second delivery. */
export function createInvoker(lambda: LambdaClient): Invoker {
  return {
    async invoke(functionArn, event, signal) {
      try {
        const { FunctionError, Payload } = await lambda.send(
          new InvokeCommand({ FunctionName: functionArn, Payload: Buffer.from(JSON.stringify(event)) }),
          { abortSignal: signal },
        );
        if (FunctionError !== undefined) return { kind: 'function-error', functionError: FunctionError };
        const text = Payload?.transformToString() ?? '';
        return { kind: 'answered', payload: text === '' ? null : JSON.parse(text) };
      } catch (error) {
        return { kind: 'not-invoked', reason: String(error) };
      }
    },
  };
}

/** Sends invocation records to S3, with the payload, and to SQS, without it. */
export function createFailureDestination(s3: S3Client, sqs: SQSClient): FailureDestination {
  return {
    async send(destinationArn, record, path) {
      const [, , service, , , resource = ''] = destinationArn.split(':');
      if (service === 's3') {
        const Key = toFailureKey(path);
        await s3.send(new PutObjectCommand({ Bucket: resource, Key, Body: JSON.stringify(record) }));
      } else {
        const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: resource }));
        const body = { ...record, payload: undefined };
        await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify(body) }));
      }
    },
  };
}

/** The time of this machine. */
export const systemClock: PollerClock = {
  nowMs: () => Date.now(),
  async sleep(ms, signal) {
    await sleep(ms, undefined, { signal }).catch(() => undefined);
  },
};
