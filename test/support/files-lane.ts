import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { InvokeCommand } from '@aws-sdk/client-lambda';
import {
  CreateBucketCommand,
  PutBucketNotificationConfigurationCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { DuckDBInstance } from '@duckdb/node-api';
import { beforeAll, describe, expect, test } from 'vitest';
import type { SeenRequest } from '../../cloud/fault-proxy/seen-request.ts';
import { ledgerCallOf } from '../crash/ledger-call.ts';
import { Trap } from '../crash/trap.ts';
import type { TestCloud } from './cloud.ts';
import { lakeRows, type LakeRow } from './lake-rows.ts';

/* Sources of type files through the deployed pull function: the real template, bundle and calls of S3. */

const BUCKET = 'supplier-deliveries';
const RUN_TIMEOUT_MS = 60_000;

const files = {
  type: 'files',
  freshness: '1 day',
  volume: { gbPerDay: 1 },
  partition: 'day',
  contract: {
    schema: {
      type: 'object',
      required: ['id', 'body'],
      properties: { id: { type: 'integer' }, body: { type: 'string' } },
    },
  },
};

/** The sources, for the configuration of the cloud. */
export const filesLaneSources = {
  sheets: { ...files, location: `s3://${BUCKET}/sheets/`, pattern: '**/*.csv.gz', format: { type: 'csv' } },
  lines: { ...files, location: `s3://${BUCKET}/lines/`, format: { type: 'ndjson' } },
  columns: { ...files, location: `s3://${BUCKET}/columns/`, format: { type: 'parquet' } },
  woken: {
    ...files,
    freshness: '30 seconds',
    location: `s3://${BUCKET}/woken/`,
    pattern: 'in/*',
    format: { type: 'ndjson' },
    notifications: true,
  },
};

type SourceName = keyof typeof filesLaneSources;
type Row = readonly [id: number, body: string];

const csv = (...rows: Row[]): Buffer =>
  gzipSync(`id,body\n${rows.map(([id, body]) => `${String(id)},"${body}"`).join('\n')}`);
const lines = (...rows: Row[]): string =>
  rows.map(([id, body]) => `${JSON.stringify({ id, body })}\n`).join('');
const ndjson = (...rows: Row[]): Buffer => zstdCompressSync(lines(...rows));

async function parquet(...rows: Row[]): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'headgate-files-lane-'));
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    const path = join(folder, 'rows.parquet');
    const values = rows.map(([id, body]) => `(${String(id)}::BIGINT, '${body}')`).join(', ');
    await connection.run(`COPY (SELECT * FROM (VALUES ${values}) t(id, body)) TO '${path}' (FORMAT parquet)`);
    return await readFile(path);
  } finally {
    connection.closeSync();
    instance.closeSync();
    await rm(folder, { recursive: true });
  }
}

/** Registers the tests; the cloud's configuration has `filesLaneSources`, and its calls go through a proxy. */
export function testFilesLane({ cloud, clients }: TestCloud): void {
  const put = (key: string, body: Uint8Array | string) =>
    clients().s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: key, Body: body }));

  /** One run, as a schedule starts it. @returns what it did, or the message of what it failed with */
  async function run(source: SourceName): Promise<object | string> {
    const { FunctionError, Payload } = await clients().lambda.send(
      new InvokeCommand({
        FunctionName: cloud().output('PullFunctionName'),
        Payload: JSON.stringify({ source }),
      }),
    );
    const answer = JSON.parse(Buffer.from(Payload ?? []).toString()) as { errorMessage?: string };
    return FunctionError === undefined ? answer : (answer.errorMessage ?? FunctionError);
  }

  const rowsIn = (zone: string, source: SourceName): Promise<LakeRow[]> =>
    lakeRows(clients().s3, cloud().output('LakeBucketName'), `${zone}/${source}/`);
  const landed = async (source: SourceName): Promise<string[]> =>
    (await rowsIn('raw', source))
      .map(({ row: { id, body } }) => `${String(id as bigint)} ${body as string}`)
      .sort();

  describe('objects of a bucket', () => {
    beforeAll(async () => {
      await clients().s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
      await clients().s3.send(
        new PutBucketNotificationConfigurationCommand({
          Bucket: BUCKET,
          NotificationConfiguration: { EventBridgeConfiguration: {} },
        }),
      );
    });

    test.each<[SourceName, string, (...rows: Row[]) => Buffer | Promise<Buffer>]>([
      ['sheets', '2026/01.csv.gz', csv],
      ['lines', 'a.ndjson.zst', ndjson],
      ['columns', 'a.parquet', parquet],
    ])(
      'of %s land once, each version, also when a schedule fires twice',
      async (source, name, write) => {
        await put(`${source}/${name}`, await write([1, 'one'], [2, 'two']));
        if (source === 'sheets') await put('sheets/readme.txt', 'no sheet');
        const twice = await Promise.all([run(source), run(source)]);
        expect(twice).toEqual([
          expect.objectContaining({ finished: true }),
          expect.objectContaining({ finished: true }),
        ]);
        expect(await landed(source)).toEqual(['1 one', '2 two']);
        // The same content is the same version.
        await put(`${source}/${name}`, await write([1, 'one'], [2, 'two']));
        expect(await run(source)).toMatchObject({ commits: 0, finished: true });
        await put(`${source}/${name}`, await write([2, 'two, later'], [3, 'three']));
        expect(await run(source)).toMatchObject({ commits: 1, finished: true });
        expect(await run(source)).toMatchObject({ commits: 0, finished: true });
        expect(await landed(source)).toEqual(['1 one', '2 two', '2 two, later', '3 three']);
      },
      RUN_TIMEOUT_MS,
    );

    test(
      'one that cannot be read is seen in quarantine, with what is missing, and the others land',
      async () => {
        const good = csv([10, 'ten']);
        await put('sheets/2026/02.csv.gz', csv([11, 'eleven'], [12, 'twelve']).subarray(0, -12));
        await put('sheets/2026/03.csv.gz', good);
        expect(await run('sheets')).toMatchObject({ finished: true });
        expect(await landed('sheets')).toContain('10 ten');
        const rows = (await rowsIn('quarantine', 'sheets')).map(({ row }) => [row['reason'], row['error']]);
        expect(rows).toEqual([
          [
            'UNREADABLE_OBJECT',
            expect.stringMatching(/^2026\/02\.csv\.gz, from row \d on: its gzip is damaged/),
          ],
        ]);
        expect(await run('sheets')).toMatchObject({ commits: 0, finished: true });
      },
      RUN_TIMEOUT_MS,
    );

    const isPut =
      (prefix: string) =>
      ({ service, operation, resource }: SeenRequest): boolean =>
        service === 's3' && operation === 'PutObject' && resource.startsWith(prefix);
    const isCommit = (request: SeenRequest): boolean => {
      const call = ledgerCallOf(request);
      return call?.operation === 'commit' && call.lane === 'pull/lines';
    };

    test.each([
      ['the staged batch', isPut('landing/pull/lines/')],
      ['the list of what has landed', isPut('landing/files/lines/')],
      ['a file', isPut('raw/lines/')],
      ['the commit', isCommit],
    ] as const)(
      'a run that is killed after %s loses nothing, and nothing lands twice, whatever becomes of the object',
      async (call, matches) => {
        const key = `lines/${call.replaceAll(' ', '-')}`;
        await put(key, ndjson([call.length, call]));
        const trap = new Trap({ matches, nth: 1 }, 'after');
        const remove = cloud().faultProxy?.use({
          matches: ({ service }) => service === 's3' || service === 'dynamodb',
          before: (request) => trap.before(request),
          after: (request) => trap.after(request),
        });
        expect(typeof (await run('lines')), 'it was killed').toBe('string');
        remove?.();
        // What was decided lands, although its object is another one by now.
        await put(key, ndjson([call.length, `${call}, later`]));
        expect(await run('lines')).toMatchObject({ finished: true });
        expect((await landed('lines')).filter((row) => row.includes(call))).toEqual([
          `${String(call.length)} ${call}`,
          `${String(call.length)} ${call}, later`,
        ]);
      },
      RUN_TIMEOUT_MS,
    );

    test(
      'land as soon as the bucket tells of them: many at once by few runs, those beside the pattern by none',
      async () => {
        const before = Date.now();
        await Promise.all(
          Array.from({ length: 40 }, (_, id) => put(`woken/in/${String(id)}`, lines([id, 'b']))),
        );
        await put('woken/out/1', lines([99, 'no']));
        let rows: string[] = [];
        while (rows.length < 40 && Date.now() - before < RUN_TIMEOUT_MS) {
          await sleep(500);
          rows = await landed('woken');
        }
        expect(rows).toEqual(Array.from({ length: 40 }, (_, id) => `${String(id)} b`).sort());
        const commits = new Set((await rowsIn('raw', 'woken')).map(({ key }) => key));
        expect(commits.size).toBeLessThan(20);
      },
      2 * RUN_TIMEOUT_MS,
    );
  });
}
