import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, symlink, writeFile, mkdir } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const run = promisify(execFile);
const ROOT = 'clients/typescript';

/** A project that has installed the package as it would be published. */
let project = '';
const lines: string[] = [];

async function receive(request: IncomingMessage): Promise<string[]> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString().trim().split('\n');
}

const server = createServer((request, response) => {
  void receive(request).then((received) => {
    lines.push(...received);
    response.writeHead(202, { 'content-type': 'application/json' });
    response.end(
      JSON.stringify({ accepted: received.length, duplicates: 0, quarantined: 0, rejected: 0, results: [] }),
    );
  });
});
let url = '';

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'headgate-client-'));
  const installed = join(project, 'node_modules/@headgate/client');
  await mkdir(installed, { recursive: true });
  await run(resolve('node_modules/.bin/tsc'), ['-p', ROOT, '--outDir', join(installed, 'dist')]);
  for (const file of ['package.json', 'README.md', 'LICENSE'])
    await cp(join(ROOT, file), join(installed, file));
  await symlink(resolve('node_modules/typescript'), join(project, 'node_modules/typescript'));
  await writeFile(join(project, 'package.json'), '{"type":"module"}');
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}, 120_000);

afterAll(async () => {
  server.close();
  server.closeAllConnections();
  await rm(project, { recursive: true, force: true });
});

describe('the package', () => {
  test('holds the files that its package.json lists, and needs no other package', async () => {
    const manifest = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as Record<
      string,
      unknown
    >;
    expect(manifest).not.toHaveProperty('dependencies');
    expect(manifest['files']).toEqual(['dist', 'LICENSE', 'README.md']);
    expect(await readdir(join(project, 'node_modules/@headgate/client/dist'))).toEqual(
      expect.arrayContaining(['index.js', 'index.d.ts']),
    );
  });

  test('runs and type-checks the example of its README', async () => {
    const readme = await readFile(join(ROOT, 'README.md'), 'utf8');
    const [, example = ''] = /```ts\n([^]*?)```/.exec(readme) ?? [];
    const program = `declare const process: { env: Record<string, string> };\n${example}`;
    await writeFile(join(project, 'example.ts'), program);
    const options = ['--strict', '--module', 'nodenext', '--target', 'es2022', '--lib', 'es2022,dom'];
    await run(resolve('node_modules/.bin/tsc'), [...options, 'example.ts'], { cwd: project });
    const env = { ...process.env, HEADGATE_URL: url, HEADGATE_KEY: 'hg_key' };
    await run(process.execPath, ['example.js'], { cwd: project, env });
    expect(lines.map((line) => (JSON.parse(line) as { id: string }).id)).toEqual(['A-17', 'A-18']);
  });

  test('sends what is buffered when a process just ends, and when it is told to', async () => {
    lines.length = 0;
    const common = `
      import { createClient, flushOnExit } from '@headgate/client';
      const client = createClient({ url: '${url}', source: 'orders', key: 'k', maxBatchDelayMs: 300 });`;
    await writeFile(join(project, 'ends.js'), `${common} client.push({ id: 'ended' });`);
    await run(process.execPath, ['ends.js'], { cwd: project });
    expect(lines).toEqual(['{"id":"ended"}']);

    lines.length = 0;
    // One that has nothing to do is closed sooner, and must not end the process.
    const idle = `flushOnExit(createClient({ url: '${url}', source: 'others', key: 'k' }));`;
    const waits = `${common} ${idle} flushOnExit(client); client.push({ id: 'killed' }); setInterval(() => {}, 1000); console.log('up');`;
    await writeFile(
      join(project, 'waits.js'),
      waits.replace('maxBatchDelayMs: 300', 'maxBatchDelayMs: 60_000'),
    );
    const child = spawn(process.execPath, ['waits.js'], {
      cwd: project,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    child.kill('SIGTERM');
    const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
    expect(lines).toEqual(['{"id":"killed"}']);
    expect(signal).toBe('SIGTERM');
  });
});
