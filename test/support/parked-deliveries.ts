import { GetObjectCommand, paginateListObjectsV2, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { parseParkedDelivery } from '../../shared/domain/parked-delivery.ts';

/** Where event-source mappings park in the lake bucket. */
const PREFIX = 'aws/lambda/';
const PARKED_AGE_MS = 3_600_000;

/** Keys of everything that is parked in a bucket. */
export async function listParked(s3: S3Client, bucket: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { Contents: objects = [] } of paginateListObjectsV2(
    { client: s3 },
    { Bucket: bucket, Prefix: PREFIX },
  )) {
    for (const { Key: key } of objects) if (key !== undefined) keys.push(key);
  }
  return keys;
}

/**
 * Makes a parked delivery an hour old: younger ones are refused, because a function may still be at work on them, which
 * is just what is tried.
 *
 * @returns the sequence numbers in it
 */
export async function ageParked(s3: S3Client, bucket: string, key: string): Promise<readonly string[]> {
  const { Body: body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  const text = (await body?.transformToString()) ?? '';
  const timestamp = new Date(Date.now() - PARKED_AGE_MS).toISOString();
  const older = JSON.stringify({ ...(JSON.parse(text) as object), timestamp });
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: older }));
  const { batch } = parseParkedDelivery(Buffer.from(older));
  return batch.records.map(({ sequenceNumber }) => sequenceNumber);
}
