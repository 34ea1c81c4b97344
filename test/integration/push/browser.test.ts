import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { issueWriteKey } from '../../../demo/issue-write-key.ts';
import { toConnection } from '../../../demo/set-up.ts';
import { findBrowser, openPage } from '../../support/browser.ts';
import { useCloud } from '../../support/cloud.ts';
import { lakeRows } from '../../support/lake-rows.ts';
import { startPreflightServer, type PreflightServer } from '../../support/preflight-server.ts';

/*
 * A page in a real browser, on an origin of its own, pushes through the client library. Names of hosts lead to one
 * server of this machine; the origins are what the browser makes of the names.
 */

const browser = findBrowser();
const RECORDS = '/v1/sources/clicks/records';

/** A page that says that the one before it is gone. */
const NEXT_PAGE = `<!doctype html><script>
  if (location.pathname === '/next') fetch('/?report=' + encodeURIComponent('{"statuses":["left"]}'));
</script>`;

/** What a page tells the server that it came from. */
interface Report {
  readonly statuses?: readonly string[];
  readonly error?: string;
}

describe.skipIf(browser === undefined)('a page (needs Chromium on the PATH, or in CHROMIUM)', () => {
  const { cloud, clients } = useCloud({ config: 'test/fixtures/browser-source.config.ts' });
  let api: PreflightServer;
  let pages: Server;
  let script: string;
  let key: string;
  let onReport: (report: Report) => void = () => undefined;

  beforeAll(async () => {
    const bundled = await build({
      entryPoints: ['clients/typescript/src/index.ts'],
      bundle: true,
      write: false,
      platform: 'browser',
      format: 'iife',
      globalName: 'headgate',
    });
    script = bundled.outputFiles[0]?.text ?? '';
    api = await startPreflightServer(
      cloud().output('ApiUrl'),
      clients().lambda,
      cloud().output('PushFunctionName'),
    );
    key = await issueWriteKey(toConnection(cloud().endpoint), cloud().output('AccessTableName'), 'clicks');
    pages = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://shop.test');
      const report = searchParams.get('report');
      if (report !== null) onReport(JSON.parse(report) as Report);
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
      response.end(pathname === '/page' ? toPage(searchParams.get('work') ?? '') : NEXT_PAGE);
    });
    await new Promise<void>((resolve) => {
      pages.listen(0, '127.0.0.1', resolve);
    });
  });

  afterAll(async () => {
    pages.closeAllConnections();
    pages.close();
    await api.stop();
  });

  function toPage(work: string): string {
    const options = { url: api.url, source: 'clicks', key, maxRetryTimeMs: 0, maxBatchDelayMs: 600_000 };
    return `<!doctype html><script>${script}</script><script type="module">
      const client = headgate.createClient(${JSON.stringify(options)});
      const report = (value) => fetch('/?report=' + encodeURIComponent(JSON.stringify(value)));
      try { ${work} } catch (error) { await report({ error: String(error) }); }
    </script>`;
  }

  /** Runs a script in a page of an origin, and waits for its report; the browser is there until then. */
  async function runIn(
    host: string,
    work: string,
    until: () => Promise<void> = () => Promise.resolve(),
  ): Promise<Report> {
    const address = `127.0.0.1:${String((pages.address() as AddressInfo).port)}`;
    const reported = new Promise<Report>((resolve) => {
      onReport = resolve;
    });
    const close = await openPage(browser ?? '', `http://${host}/page?work=${encodeURIComponent(work)}`, {
      [host]: address,
    });
    const late = new Promise<Report>((resolve) => {
      setTimeout(() => {
        resolve({ error: 'the page has not reported' });
      }, 60_000).unref();
    });
    try {
      const report = await Promise.race([reported, late]);
      await until();
      return report;
    } finally {
      await close();
    }
  }

  async function landedIds(): Promise<unknown[]> {
    await cloud().poller.drained();
    const rows = await lakeRows(clients().s3, cloud().output('LakeBucketName'), 'raw/clicks/');
    return rows.map(({ row }) => row['id']).toSorted();
  }

  const send = (id: string): string => `
    const records = [{ id: '${id}-1', text: 'long '.repeat(500) }, { id: '${id}-2' }, { id: 2 }];
    const results = await client.send(records);
    await report({ statuses: results.map(({ status }) => status) });`;

  test('of a listed origin pushes records, compressed, and reads what became of each', async () => {
    const from = api.requests.length;
    expect(await runIn('shop.test', send('listed'))).toEqual({
      statuses: ['accepted', 'accepted', 'quarantined'],
    });
    expect(api.requests.slice(from)).toEqual([
      { line: `OPTIONS ${RECORDS}`, origin: 'http://shop.test' },
      { line: `POST ${RECORDS}`, origin: 'http://shop.test' },
    ]);
    expect(await landedIds()).toEqual(['listed-1', 'listed-2']);
  });

  test('of another origin is kept from pushing by its browser', async () => {
    const from = api.requests.length;
    const { error } = await runIn('evil.test', send('other'));
    expect(error).toContain('Failed to fetch');
    expect(api.requests.slice(from)).toEqual([{ line: `OPTIONS ${RECORDS}`, origin: 'http://evil.test' }]);
    expect(await landedIds()).toEqual(['listed-1', 'listed-2']);
  });

  test('that is left sends what it has buffered', async () => {
    const leave = `
      headgate.flushOnExit(client);
      await client.push({ id: 'left' });
      location.href = '/next';`;
    const from = api.requests.length;
    const isPosted = (): void => {
      expect(api.requests.slice(from).map(({ line }) => line)).toContain(`POST ${RECORDS}`);
    };
    const posted = (): Promise<void> => vi.waitFor(isPosted, { timeout: 10_000 });
    expect(await runIn('shop.test', leave, posted)).toEqual({ statuses: ['left'] });
    await vi.waitFor(async () => {
      expect(await landedIds()).toEqual(['left', 'listed-1', 'listed-2']);
    }, 20_000);
  });
});
