import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  GetObjectCommand,
  HeadObjectCommand,
  paginateListObjectsV2,
  type S3Client,
} from '@aws-sdk/client-s3';

/** What the store says about one object of the lake. */
export interface LakeFile {
  readonly key: string;
  readonly sizeBytes: number;
  readonly kind: 'data' | 'tombstone';
  /** Rows that its writer says it has. */
  readonly rows: number;
  readonly writtenAtMs: number;
}

/** The objects of a lake bucket, as seen from outside: through S3 alone. */
export interface LakeView {
  /** Lists the lake; what it has seen before is not asked for again, because objects of the lake do not change. */
  list(): Promise<readonly LakeFile[]>;
  /** Copies all objects that hold rows into a folder, under their keys. */
  copyTo(folder: string): Promise<readonly LakeFile[]>;
  /** Requests made so far. */
  readonly requests: number;
}

const CONCURRENT_REQUESTS = 8;
const ZONES = ['raw/', 'quarantine/'];

/** Looks at the lake in a bucket. */
export function createLakeView(client: S3Client, bucket: string): LakeView {
  const known = new Map<string, LakeFile>();
  let requests = 0;

  async function describe(key: string, sizeBytes: number): Promise<void> {
    requests += 1;
    const { Metadata: metadata } = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
    const kind = metadata?.['headgate-kind'];
    if (kind !== 'data' && kind !== 'tombstone') {
      throw new Error(`s3://${bucket}/${key} has no metadata headgate-kind: it was not written by Headgate`);
    }
    known.set(key, {
      key,
      sizeBytes,
      kind,
      rows: Number(metadata?.['headgate-rows']),
      writtenAtMs: Number(metadata?.['headgate-written-at']),
    });
  }

  async function list(): Promise<readonly LakeFile[]> {
    const found: { key: string; sizeBytes: number }[] = [];
    for (const prefix of ZONES) {
      for await (const page of paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: prefix })) {
        requests += 1;
        for (const { Key: key, Size: sizeBytes } of page.Contents ?? []) {
          if (key !== undefined && known.get(key)?.sizeBytes !== sizeBytes)
            found.push({ key, sizeBytes: sizeBytes ?? 0 });
        }
      }
    }
    await forEachConcurrently(found, ({ key, sizeBytes }) => describe(key, sizeBytes));
    return [...known.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  async function copyTo(folder: string): Promise<readonly LakeFile[]> {
    const files = (await list()).filter((file) => file.kind === 'data');
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    await forEachConcurrently(files, async ({ key }) => {
      requests += 1;
      const { Body: body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      if (body === undefined) throw new Error(`s3://${bucket}/${key} has no content`);
      const path = join(folder, key);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, await body.transformToByteArray());
    });
    return files;
  }

  return {
    list,
    copyTo,
    get requests() {
      return requests;
    },
  };
}

async function forEachConcurrently<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  await Promise.all(
    Array.from({ length: CONCURRENT_REQUESTS }, async () => {
      for (const item of queue) await work(item);
    }),
  );
}
