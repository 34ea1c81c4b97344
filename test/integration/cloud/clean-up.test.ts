import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { projectDir } from '../../../cloud/paths.ts';
import { startEmptyCloud } from '../../../cloud/start-cloud.ts';

let temporary = '';

beforeEach(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'headgate-clean-up-'));
});

afterEach(async () => {
  await rm(temporary, { recursive: true, force: true });
});

/** `npm run cloud` with its temporary files where this test sees them; resolves when it is up. */
async function startCommand(): Promise<{ readonly command: ChildProcess; readonly endpoint: string }> {
  const command = spawn(process.execPath, ['--no-warnings', 'cloud/main.ts', '--port', '0'], {
    cwd: projectDir,
    env: { ...process.env, TMPDIR: temporary, AWS_ENDPOINT_URL: '' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  for await (const chunk of command.stdout as AsyncIterable<Buffer>) {
    output += chunk.toString();
    if (output.includes('Ctrl-C stops it')) break;
  }
  const [endpoint = ''] = /http:\/\/127\.0\.0\.1:\d+/.exec(output) ?? [];
  return { command, endpoint };
}

async function eventually(condition: () => Promise<boolean>): Promise<boolean> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    if (await condition()) return true;
    await sleep(100);
  }
  return false;
}

const isGone = (endpoint: string): Promise<boolean> =>
  fetch(endpoint).then(
    () => false,
    () => true,
  );
const leavesNothing = async (endpoint: string): Promise<boolean> =>
  (await isGone(endpoint)) && (await readdir(temporary)).length === 0;

describe('npm run cloud leaves no process and no file', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('after %s', async (signal) => {
    const { command, endpoint } = await startCommand();
    expect(await readdir(temporary)).not.toEqual([]);
    const exited = once(command, 'exit');
    command.kill(signal);
    expect(await exited).toEqual([0, null]);
    expect(await leavesNothing(endpoint)).toBe(true);
  });

  test('when it is killed', async () => {
    const { command, endpoint } = await startCommand();
    command.kill('SIGKILL');
    expect(await eventually(() => leavesNothing(endpoint))).toBe(true);
  });
});

describe('a port', () => {
  test('that is in use is named, with what to do', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    await expect(startEmptyCloud({ port, mayUseRunning: false })).rejects.toThrow(
      new RegExp(`Port ${String(port)} is in use[\\s\\S]*--port 0`),
    );
    server.close();
  });

  test('of its own lets several clouds run side by side', async () => {
    const clouds = await Promise.all([1, 2].map(() => startEmptyCloud({ mayUseRunning: false })));
    expect(new Set(clouds.map(({ endpoint }) => endpoint)).size).toBe(2);
    await Promise.all(clouds.map((cloud) => cloud.stop()));
    expect(await Promise.all(clouds.map(({ endpoint }) => isGone(endpoint)))).toEqual([true, true]);
  });
});
