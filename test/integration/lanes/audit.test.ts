import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { InvokeCommand } from '@aws-sdk/client-lambda';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { execa } from 'execa';
import { beforeAll, expect, test } from 'vitest';
import { issueWriteKey } from '../../../demo/issue-write-key.ts';
import { useCloud } from '../../support/cloud.ts';

/* Somebody deletes, rewrites and adds objects of a lake by hand; the audit has to say which, and how many rows it is about. */

const { cloud, clients } = useCloud({ config: 'test/fixtures/landing.config.ts' });
const SLOW_MS = 60_000;
const HOURS = 4;
const PER_HOUR = 5;

interface Audited {
  readonly clean: boolean;
  readonly hours: readonly {
    readonly counted: number;
    readonly found: number;
    readonly difference: number;
    readonly unexplained: number;
    readonly quarantined: number;
    readonly quarantinedFound: number;
  }[];
  readonly damages: readonly {
    readonly key: string;
    readonly what: string;
    readonly rows: number;
    readonly versionId: string;
    readonly next: string;
  }[];
  readonly repeated: number;
}

let bucket = '';
let keys: string[] = [];
let writeKey = '';

const sum = ({ hours }: Audited, of: keyof Audited['hours'][number]): number =>
  hours.reduce((total, hour) => total + hour[of], 0);

async function command(...args: string[]): Promise<{ exitCode: number | undefined; stdout: string }> {
  const { exitCode, stdout } = await execa(
    process.execPath,
    ['cli/main.ts', ...args, '--config', 'test/fixtures/landing.config.ts'],
    { env: { AWS_ENDPOINT_URL: cloud().endpoint }, reject: false },
  );
  return { exitCode, stdout };
}

/** What was received in the last hours, the one that has begun included. */
async function audit(): Promise<Audited & { readonly exitCode: number | undefined }> {
  const { exitCode, stdout } = await command(
    ...['audit', 'reports', '--from', '2 hours', '--to', '0 seconds', '--json'],
  );
  const [audited] = JSON.parse(stdout) as Audited[];
  if (audited === undefined) throw new Error('one source was asked for');
  return { ...audited, exitCode };
}

async function push(records: readonly object[]): Promise<void> {
  const response = await fetch(`${cloud().output('ApiUrl')}/v1/sources/reports/records`, {
    method: 'POST',
    headers: { authorization: `Bearer ${writeKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(records),
  });
  expect(response.status).toBe(202);
}

/** The same file with one row less, written by other means. */
async function withoutOneRow(bytes: Uint8Array): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), 'headgate-audit-'));
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    await writeFile(join(folder, 'before.parquet'), bytes);
    await connection.run(
      `COPY (SELECT * FROM read_parquet('${join(folder, 'before.parquet')}') OFFSET 1) TO '${join(folder, 'after.parquet')}' (FORMAT parquet)`,
    );
    return await readFile(join(folder, 'after.parquet'));
  } finally {
    connection.closeSync();
    instance.closeSync();
    await rm(folder, { recursive: true });
  }
}

async function read(key: string): Promise<Uint8Array> {
  const { Body: body } = await clients().s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  return (await body?.transformToByteArray()) ?? new Uint8Array();
}

async function listed(): Promise<string[]> {
  const { Contents: contents = [] } = await clients().s3.send(
    new ListObjectsV2Command({ Bucket: bucket, Prefix: 'raw/reports/' }),
  );
  return contents.map(({ Key: key }) => key ?? '');
}

beforeAll(async () => {
  bucket = cloud().output('LakeBucketName');
  const connection = {
    endpoint: cloud().endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  };
  writeKey = await issueWriteKey(connection, cloud().output('AccessTableName'), 'reports');
  for (let hour = 0; hour < HOURS; hour++)
    await push(
      Array.from({ length: PER_HOUR }, (_, n) => ({
        id: `r${String(hour)}-${String(n)}`,
        at: `2026-03-01T1${String(hour)}:15:00Z`,
      })),
    );
  // Sent twice, and against the contract.
  await push([
    { id: 'r0-0', at: '2026-03-01T10:15:00Z' },
    { id: 'bad', at: 7 },
  ]);
  await clients().lambda.send(
    new InvokeCommand({
      FunctionName: cloud().output('LandFunctionName'),
      Payload: JSON.stringify({ sources: ['reports'] }),
    }),
  );
  keys = await listed();
  expect(keys).toHaveLength(HOURS);
}, 2 * SLOW_MS);

test(
  'a lake that nobody has touched is what was counted',
  async () => {
    const found = await audit();
    expect(found).toMatchObject({ exitCode: 0, clean: true, damages: [], repeated: 0 });
    expect([sum(found, 'counted'), sum(found, 'found')]).toEqual([HOURS * PER_HOUR, HOURS * PER_HOUR]);
    expect([sum(found, 'quarantined'), sum(found, 'quarantinedFound')]).toEqual([1, 1]);
  },
  SLOW_MS,
);

test(
  'an object that was deleted and one that was rewritten are named, with their rows, and the lake is clean when they are restored',
  async () => {
    const { s3 } = clients();
    const [deleted = '', rewritten = ''] = keys;
    await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: deleted }));
    await s3.send(
      new PutObjectCommand({
        ...{ Bucket: bucket, Key: rewritten },
        Body: await withoutOneRow(await read(rewritten)),
      }),
    );
    const found = await audit();
    expect(found).toMatchObject({ exitCode: 1, clean: false, repeated: 0 });
    expect(sum(found, 'difference')).toBe(-PER_HOUR - 1);
    expect(sum(found, 'unexplained')).toBe(0);
    expect(found.damages.map(({ key, what, rows }) => ({ key, what, rows }))).toEqual([
      { key: deleted, what: 'deleted', rows: PER_HOUR },
      { key: rewritten, what: 'overwritten', rows: 1 },
    ]);
    const text = (await command('audit', 'reports', '--from', '2 hours', '--to', '0 seconds')).stdout;
    for (const { key, next } of found.damages) {
      expect(text).toContain(key);
      expect(text).toContain(next);
    }

    const [marker, original] = found.damages;
    expect(marker?.next).toBe(
      `Restore it: aws s3api delete-object --bucket ${bucket} --key "${deleted}" --version-id ${marker?.versionId ?? ''}`,
    );
    await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: deleted, VersionId: marker?.versionId }));
    const source = /--copy-source "([^"]+)"/.exec(original?.next ?? '')?.[1];
    await s3.send(
      new CopyObjectCommand({
        ...{ Bucket: bucket, Key: rewritten, CopySource: source, MetadataDirective: 'COPY' },
      }),
    );
    expect(await audit()).toMatchObject({ exitCode: 0, clean: true, damages: [] });
  },
  2 * SLOW_MS,
);

test(
  'a copy of an object beside it is named, and its rows are there twice',
  async () => {
    const { s3 } = clients();
    const [first = ''] = keys;
    const copy = first.replace('.parquet', '-copy.parquet');
    await s3.send(new PutObjectCommand({ Bucket: bucket, Key: copy, Body: await read(first) }));
    const found = await audit();
    expect(found).toMatchObject({
      ...{ exitCode: 1, clean: false, repeated: PER_HOUR },
      damages: [{ key: copy, what: 'foreign', rows: PER_HOUR }],
    });
    await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: copy }));
    expect(await audit()).toMatchObject({ exitCode: 0, clean: true });
  },
  2 * SLOW_MS,
);

test(
  'an object that was removed with all versions is missing without a trace, and what to do is said',
  async () => {
    const { s3 } = clients();
    const [, , gone = ''] = keys;
    const { VersionId: versionId } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: gone }));
    await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: gone, VersionId: versionId }));
    const found = await audit();
    expect(found).toMatchObject({ exitCode: 1, damages: [] });
    expect(sum(found, 'unexplained')).toBe(PER_HOUR);
    const text = (await command('audit', 'reports', '--from', '2 hours', '--to', '0 seconds')).stdout;
    expect(text).toContain(`${String(PER_HOUR)} rows`);
    expect(text).toContain('Have them sent again');
  },
  SLOW_MS,
);

test(
  'what may still be on its way is not judged, and times that make no sense are refused',
  async () => {
    const { stdout, exitCode } = await command('audit', 'reports', '--json');
    expect([exitCode, (JSON.parse(stdout) as Audited[])[0]?.hours]).toEqual([0, []]);
    expect((await command('audit', 'reports', '--from', '1 hour', '--to', '2 hours')).exitCode).toBe(2);
    expect((await command('audit', 'reports', '--from', '60 days')).exitCode).toBe(2);
    expect((await command('audit', 'nobody')).exitCode).toBe(1);
  },
  SLOW_MS,
);
