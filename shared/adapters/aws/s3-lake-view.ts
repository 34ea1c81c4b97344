import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import {
  GetObjectCommand,
  HeadObjectCommand,
  paginateListObjectsV2,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { ObjectKind } from '../../ports/lake.ts';

/** What the store says about one object of the lake. */
export interface LakeFile {
  readonly key: string;
  readonly sizeBytes: number;
  readonly kind: ObjectKind;
  /** Rows that its writer says it has. */
  readonly rows: number;
  readonly writtenAtMs: number;
}

/** The lake as its readers see it: through S3 alone. */
export interface LakeView {
  /**
   * Lists data files and tombstones in order of their keys. What has been listed before is not asked for again, because
   * objects of the lake do not change.
   *
   * @param prefixes for example `raw/orders/`; the whole lake by default
   */
  list(prefixes?: readonly string[]): Promise<readonly LakeFile[]>;
  /**
   * Makes a folder hold the data files under these prefixes, each under its key, and nothing else. Files that are there
   * already are kept.
   */
  copyTo(folder: string, prefixes?: readonly string[]): Promise<readonly LakeFile[]>;
}

const ZONES = ['raw/', 'quarantine/'];
const CONCURRENT_REQUESTS = 8;

/** Looks at the lake in a bucket. */
export function createLakeView(client: S3Client, bucket: string): LakeView {
  const known = new Map<string, LakeFile>();

  async function describe(key: string, sizeBytes: number): Promise<LakeFile> {
    const { Metadata: metadata } = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
    const kind = metadata?.['headgate-kind'];
    if (kind !== 'data' && kind !== 'tombstone') {
      throw new Error(
        `s3://${bucket}/${key} has no metadata headgate-kind, so Headgate did not write it; move it out of the lake`,
      );
    }
    return {
      key,
      sizeBytes,
      kind,
      rows: Number(metadata?.['headgate-rows']),
      writtenAtMs: Number(metadata?.['headgate-written-at']),
    };
  }

  async function list(prefixes: readonly string[] = ZONES): Promise<readonly LakeFile[]> {
    const listed = new Map<string, number>();
    for (const prefix of prefixes) {
      for await (const page of paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: prefix })) {
        for (const { Key: key, Size: sizeBytes } of page.Contents ?? []) {
          if (key !== undefined) listed.set(key, sizeBytes ?? 0);
        }
      }
    }
    await forEachConcurrently(listed, async ([key, sizeBytes]) => {
      // A file that was withdrawn has become a tombstone, which has another size.
      if (known.get(key)?.sizeBytes !== sizeBytes) known.set(key, await describe(key, sizeBytes));
    });
    return [...listed.keys()].sort().flatMap((key) => known.get(key) ?? []);
  }

  async function copyTo(folder: string, prefixes?: readonly string[]): Promise<readonly LakeFile[]> {
    const files = (await list(prefixes)).filter((file) => file.kind === 'data');
    const wanted = new Map(files.map((file) => [join(folder, file.key), file]));
    await mkdir(folder, { recursive: true });
    await forEachConcurrently(await listFiles(folder), async (path) => {
      const isCurrent = wanted.get(path)?.sizeBytes === (await stat(path)).size;
      if (isCurrent) wanted.delete(path);
      else await rm(path);
    });
    await forEachConcurrently(wanted, async ([path, { key }]) => {
      const { Body: body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      if (body === undefined) throw new Error(`s3://${bucket}/${key} has no content`);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, await body.transformToByteArray());
    });
    return files;
  }

  return { list, copyTo };
}

async function listFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => `${entry.parentPath}${sep}${entry.name}`);
}

async function forEachConcurrently<T>(items: Iterable<T>, work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items].values();
  await Promise.all(
    Array.from({ length: CONCURRENT_REQUESTS }, async () => {
      for (const item of queue) await work(item);
    }),
  );
}
