import { InvokeCommand } from '@aws-sdk/client-lambda';
import { PutParameterCommand } from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { HttpSourceInput } from './declare-http.ts';
import type { TestCloud } from './cloud.ts';
import { lakeRows } from './lake-rows.ts';
import { sendJson, startLocalServer } from './local-server.ts';
import { OAuthProvider } from './oauth-provider.ts';

/* The pull function over an API whose refresh tokens are replaced with each use, and a backfill of that API. */

interface Note {
  readonly id: number;
  readonly at: string;
  readonly body: string;
}

type Headgate = (...args: string[]) => Promise<{ readonly exitCode: number; readonly text: string }>;

const PAGE_SIZE = 7;
const TOKEN_MS = 400;
const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2025, 0, 1);
const TIMEOUT_MS = 60_000;

const noteOf = (id: number): Note => ({
  id,
  at: new Date(START_MS + id * DAY_MS).toISOString(),
  body: `note ${String(id)}`,
});

const isWithin = (at: string, since: string | null, until: string | null): boolean =>
  (since === null || Date.parse(at) >= Date.parse(since)) &&
  (until === null || Date.parse(at) < Date.parse(until));

export interface HttpLane {
  readonly sources: Readonly<Record<string, HttpSourceInput>>;
  /** Declares the tests. */
  test(cloud: TestCloud, headgate: Headgate): void;
}

/** Starts the API; its tests stop it. */
export async function startHttpLane(): Promise<HttpLane> {
  const provider = new OAuthProvider({ rotates: true });
  const notes = Array.from({ length: 60 }, (_, id) => noteOf(id));
  const server = await startLocalServer((request, response) => {
    if (request.url.pathname === '/token') {
      // Long enough for an instance that does not wait for the other one to ask as well.
      setTimeout(() => provider.handle(request, response), TOKEN_MS);
    } else if (provider.isAllowed(request)) {
      const query = request.url.searchParams;
      const offset = Number(query.get('offset') ?? 0);
      const all = notes
        .filter(({ at }) => isWithin(at, query.get('since'), query.get('until')))
        .sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
      const end = offset + PAGE_SIZE;
      sendJson(response, { data: all.slice(offset, end), next: end < all.length ? String(end) : null });
    } else response.writeHead(401).end();
  });
  const source: HttpSourceInput = {
    type: 'http',
    freshness: '1 day',
    volume: { gbPerDay: 1 },
    key: ['id', 'at'],
    eventTime: { path: 'at', format: 'iso-8601' },
    partition: 'day',
    contract: {
      schema: {
        type: 'object',
        required: ['id', 'at', 'body'],
        properties: {
          id: { type: 'integer' },
          at: { type: 'string', format: 'date-time' },
          body: { type: 'string' },
        },
      },
    },
    url: `${server.origin}/notes`,
    allowPrivateNetwork: true,
    auth: {
      type: 'oauth2-refresh-token',
      tokenUrl: `${server.origin}/token`,
      clientId: 'headgate',
      clientSecret: { parameter: '/notes/secret' },
      refreshToken: { parameter: '/notes/refresh-token' },
    },
    recordsPath: 'data',
    paginator: { type: 'cursor', parameter: 'offset', path: 'next' },
    incremental: {
      cursor: 'at',
      parameter: 'since',
      endParameter: 'until',
      order: 'ascending',
      initialValue: noteOf(40).at,
    },
  };

  function declareTests({ cloud, clients }: TestCloud, headgate: Headgate): void {
    async function run(): Promise<unknown> {
      const { Payload } = await clients().lambda.send(
        new InvokeCommand({
          FunctionName: cloud().output('PullFunctionName'),
          Payload: JSON.stringify({ source: 'notes' }),
        }),
      );
      return JSON.parse(Buffer.from(Payload ?? []).toString());
    }

    async function landed(): Promise<number[]> {
      const rows = await lakeRows(clients().s3, cloud().output('LakeBucketName'), 'raw/notes/');
      return rows.map(({ row: { id } }) => Number(id)).sort((a, b) => a - b);
    }

    const idsFrom = (first: number): number[] => notes.slice(first).map(({ id }) => id);

    describe('an API', () => {
      beforeAll(async () => {
        for (const [Name, Value] of [
          ['/notes/secret', 'secret'],
          ['/notes/refresh-token', 'refresh-0'],
        ])
          await clients().ssm.send(
            new PutParameterCommand({ Name, Value, Type: 'SecureString', Overwrite: true }),
          );
      });

      afterAll(() => server.stop());

      test(
        'is read by two instances at once with one refresh of its token, and each record lands once',
        async () => {
          const finished = expect.objectContaining({ finished: true }) as unknown;
          expect(await Promise.all([run(), run()])).toEqual([finished, finished]);
          expect(await landed()).toEqual(idsFrom(40));
          expect(provider.tokenRequests).toHaveLength(1);
          expect(provider.isRevoked).toBe(false);
        },
        TIMEOUT_MS,
      );

      test(
        'gives new tokens when it forgets the old ones, and what they are replaced by is used',
        async () => {
          provider.accessToken = undefined;
          notes.push({ id: 60, at: new Date(Date.now() - DAY_MS).toISOString(), body: 'new' });
          expect(await run()).toMatchObject({ commits: 1, finished: true });
          expect(provider.tokenRequests.map(({ form }) => form.get('refresh_token'))).toEqual([
            'refresh-0',
            'refresh-1',
          ]);
          expect(await landed()).toEqual(idsFrom(40));
        },
        TIMEOUT_MS,
      );

      test(
        'is backfilled: what the runs have not read lands once, also when it is asked for twice',
        async () => {
          const args = [
            '--from',
            '2025-01-01',
            '--to',
            '2030-01-01',
            '--window',
            '60 days',
            '--yes',
            '--json',
          ];
          const first = await headgate('backfill', 'notes', ...args, '--parallel', '2');
          expect(first.exitCode, first.text).toBe(0);
          const report = first.text.slice(first.text.lastIndexOf('{"source"'));
          expect(JSON.parse(report)).toMatchObject({ status: 'done', rows: 40 });
          expect(await landed()).toEqual(idsFrom(0));
          const again = await headgate('backfill', 'notes', ...args);
          expect(JSON.parse(again.text.slice(again.text.lastIndexOf('{"source"')))).toMatchObject({
            rows: 0,
          });
          expect(await landed()).toEqual(idsFrom(0));
          expect(provider.isRevoked).toBe(false);
        },
        2 * TIMEOUT_MS,
      );
    });
  }

  return { sources: { notes: source }, test: declareTests };
}
