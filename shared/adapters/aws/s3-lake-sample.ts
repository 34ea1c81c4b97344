import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GetObjectCommand, ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import { LAKE_METADATA } from './s3-lake.ts';
import { callAws } from './translate-error.ts';

/** What one sample may take. */
export interface SampleLimits {
  readonly maxBytes: number;
  readonly maxFiles: number;
  /** When the last file is begun at the latest, ms since the epoch. */
  readonly deadlineMs: number;
}

/** Objects of these classes are not read without being restored first. */
const ARCHIVED: ReadonlySet<string> = new Set(['GLACIER', 'DEEP_ARCHIVE']);
/** The newest days of a source that are looked into. */
const MAX_DAYS = 31;

interface Listed {
  readonly key: string;
  readonly bytes: number;
  readonly modifiedAtMs: number;
}

/**
 * Copies some of the newest data files of a source into a folder: of its newest days those that were written last, up to
 * the limits. One listing of days, one for each day, and one read for each file.
 *
 * @returns paths of the copies
 */
export async function copyLakeSample(
  { s3, bucket, nowMs }: { readonly s3: S3Client; readonly bucket: string; readonly nowMs: () => number },
  source: string,
  folder: string,
  { maxBytes, maxFiles, deadlineMs }: SampleLimits,
): Promise<readonly string[]> {
  const paths: string[] = [];
  let bytes = 0;
  for (const day of (await listDays(s3, bucket, source)).slice(0, MAX_DAYS)) {
    for (const file of await listDay(s3, bucket, day)) {
      if (paths.length >= maxFiles || nowMs() > deadlineMs) return paths;
      // A file that is too large by itself is left out; smaller ones may still fit.
      if (bytes + file.bytes > maxBytes) continue;
      const content = await readData(s3, bucket, file.key);
      if (content === undefined) continue;
      const path = join(folder, `${source}-${String(paths.length)}.parquet`);
      await writeFile(path, content);
      paths.push(path);
      bytes += file.bytes;
    }
  }
  return paths;
}

/** Prefixes of days, `raw/orders/dt=2026-01-31/`, the newest first. */
async function listDays(s3: S3Client, bucket: string, source: string): Promise<readonly string[]> {
  const prefix = `raw/${source}/`;
  const days: string[] = [];
  let token: string | undefined;
  do {
    const page = await callAws({ operation: 'ListObjectsV2', resource: `s3://${bucket}/${prefix}` }, () =>
      s3.send(
        new ListObjectsV2Command({
          Bucket: bucket,
          Prefix: prefix,
          Delimiter: '/',
          ContinuationToken: token,
        }),
      ),
    );
    days.push(...(page.CommonPrefixes ?? []).flatMap(({ Prefix: day }) => day ?? []));
    token = page.NextContinuationToken;
  } while (token !== undefined);
  return days.sort().reverse();
}

/** A page of the objects of a day, the newest first. */
async function listDay(s3: S3Client, bucket: string, prefix: string): Promise<readonly Listed[]> {
  const { Contents: objects = [] } = await callAws(
    { operation: 'ListObjectsV2', resource: `s3://${bucket}/${prefix}` },
    () => s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix })),
  );
  return objects
    .flatMap(({ Key: key, Size: bytes = 0, LastModified: modified, StorageClass: storage }) =>
      key === undefined || ARCHIVED.has(storage ?? '')
        ? []
        : [{ key, bytes, modifiedAtMs: modified?.getTime() ?? 0 }],
    )
    .sort((a, b) => b.modifiedAtMs - a.modifiedAtMs);
}

/** Undefined for what has no rows, or is no file of Headgate. */
async function readData(s3: S3Client, bucket: string, key: string): Promise<Uint8Array | undefined> {
  return await callAws({ operation: 'GetObject', resource: `s3://${bucket}/${key}` }, async () => {
    const { Body: body, Metadata: metadata } = await s3.send(
      new GetObjectCommand({ Bucket: bucket, Key: key }),
    );
    return metadata?.[LAKE_METADATA.kind] === 'data' ? await body?.transformToByteArray() : undefined;
  });
}
