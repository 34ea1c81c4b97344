import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { callAws } from './translate-error.ts';

/** The bytes of the object at `s3://bucket/key`, for somebody who stops when there are enough. */
export async function openS3Sample(s3: S3Client, location: string): Promise<AsyncIterable<Uint8Array>> {
  const [bucket = '', ...names] = location.slice('s3://'.length).split('/');
  const { Body: body } = await callAws({ operation: 'GetObject', resource: location }, () =>
    s3.send(new GetObjectCommand({ Bucket: bucket, Key: names.join('/') })),
  );
  return (body ?? []) as unknown as AsyncIterable<Uint8Array>;
}
