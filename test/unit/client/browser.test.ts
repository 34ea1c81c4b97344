import { createContext, runInContext } from 'node:vm';
import { build } from 'esbuild';
import { describe, expect, test } from 'vitest';

/** Everything that a page has and the client may use. There is no `process`, no `require` and no `Buffer`. */
function createPage(): { readonly globals: Record<string, unknown>; readonly requests: Request[] } {
  const requests: Request[] = [];
  const listeners = new EventTarget();
  const page = {
    fetch: async (url: string, init: RequestInit): Promise<Response> => {
      const request = new Request(url, init);
      requests.push(request);
      const zipped = request.headers.get('content-encoding') === 'gzip';
      const body = zipped
        ? request.clone().body?.pipeThrough(new DecompressionStream('gzip'))
        : request.clone().body;
      const lines = (await new Response(body).text()).trim().split('\n');
      const counts = { accepted: lines.length, duplicates: 0, quarantined: 0, rejected: 0, results: [] };
      return Response.json(counts, { status: 202 });
    },
    document: Object.assign(new EventTarget(), { visibilityState: 'visible' }),
    addEventListener: listeners.addEventListener.bind(listeners),
    removeEventListener: listeners.removeEventListener.bind(listeners),
    dispatchEvent: listeners.dispatchEvent.bind(listeners),
    Response,
    CompressionStream,
    TextEncoder,
    AbortController,
    URL,
    crypto,
    performance,
    console,
    setTimeout,
    clearTimeout,
    queueMicrotask,
  };
  return { globals: page, requests };
}

async function bundle(): Promise<string> {
  const { outputFiles, warnings } = await build({
    entryPoints: ['clients/typescript/src/index.ts'],
    bundle: true,
    write: false,
    platform: 'browser',
    target: 'es2022',
    format: 'iife',
    globalName: 'headgate',
    minify: true,
  });
  expect(warnings).toEqual([]);
  return outputFiles[0]?.text ?? '';
}

describe('the client in a page', () => {
  test('is one small file without anything of Node', async () => {
    const code = await bundle();
    expect(code.length).toBeLessThan(16_000);
    expect(code).not.toMatch(/\b(require|Buffer|node:)\b/);
  });

  test('pushes with nothing but web APIs, and sends what is left when the page is hidden', async () => {
    const { globals, requests } = createPage();
    const context = createContext(globals);
    runInContext(await bundle(), context);
    const script = `
      client = headgate.createClient({ url: 'https://api.example.com', source: 'orders', key: 'k' });
      headgate.flushOnExit(client);
      client.send([{ text: 'long '.repeat(500) }, { n: 2 }])`;
    expect(await runInContext(script, context)).toEqual([{ status: 'accepted' }, { status: 'accepted' }]);
    expect(requests.map((request) => [request.headers.get('content-encoding'), request.keepalive])).toEqual([
      ['gzip', false],
    ]);

    await runInContext('client.push({ n: 3 })', context);
    expect(requests).toHaveLength(1);
    const page = globals as { document: EventTarget & { visibilityState: string } };
    page.document.visibilityState = 'hidden';
    page.document.dispatchEvent(new Event('visibilitychange'));
    // Before the event is over: afterwards there may be no page any more.
    expect(requests.map(({ keepalive }) => keepalive)).toEqual([false, true]);
    expect(await requests[1]?.text()).toBe('{"n":3}\n');
  });

  test('sends what is left when the page is left, and not after that is undone', async () => {
    const { globals, requests } = createPage();
    const context = createContext(globals);
    runInContext(await bundle(), context);
    runInContext(
      `client = headgate.createClient({ url: 'https://api.example.com', source: 'orders', key: 'k' });
       undo = headgate.flushOnExit(client);
       client.push({ n: 1 });`,
      context,
    );
    const page = globals as { dispatchEvent: (event: Event) => void };
    page.dispatchEvent(new Event('pagehide'));
    expect(requests).toHaveLength(1);
    runInContext('undo(); client.push({ n: 2 });', context);
    page.dispatchEvent(new Event('pagehide'));
    expect(requests).toHaveLength(1);
    await runInContext('client.close()', context);
  });
});
