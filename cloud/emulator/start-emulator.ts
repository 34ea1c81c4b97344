import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { CloudError } from '../cloud-error.ts';
import type { EmulatorCommand } from './find-emulator.ts';
import { LOOPBACK } from './free-port.ts';

const START_TIMEOUT_MS = 30_000;
const POLL_MS = 50;
const LOG_TAIL_LINES = 20;

/** An emulator process that runs. */
export interface EmulatorProcess {
  /** For example `http://127.0.0.1:4566`. */
  readonly endpoint: string;
  /** Resolves with the reason when the emulator ends without having been stopped. */
  readonly died: Promise<CloudError>;
  /** Ends the emulator and every Lambda worker and removes their files. */
  stop(): Promise<void>;
}

/**
 * Starts the emulator on a port and waits until it answers. It ends with this process, whatever happens to it.
 *
 * @throws CloudError with the tail of the emulator's log when it does not come up
 */
export async function startEmulator(command: EmulatorCommand, port: number): Promise<EmulatorProcess> {
  const tempDir = await mkdtemp(join(tmpdir(), 'headgate-cloud-'));
  const supervisor = spawn(
    process.execPath,
    ['--no-warnings', join(import.meta.dirname, 'supervisor.ts'), tempDir, command.command, ...command.args],
    // Away from the terminal's process group: Ctrl-C reaches this process, which then stops the emulator in order.
    { detached: true, stdio: ['pipe', 'pipe', 'inherit'], env: emulatorEnv(port, tempDir) },
  );
  supervisor.stdin.on('error', () => undefined);
  const gone = once(supervisor, 'exit');
  let stopping = false;
  const stop = async (): Promise<void> => {
    stopping = true;
    supervisor.stdin.end();
    await gone;
    await rm(tempDir, { recursive: true, force: true });
  };

  const died = new Promise<CloudError>((resolve) => {
    const end = async (status: string): Promise<void> => {
      if (stopping) return;
      resolve(
        new CloudError(
          `The emulator ended by itself (${status}). The end of its log:\n${await logTail(tempDir)}`,
          'Run the command again; if it happens every time, delete .headgate and try once more.',
        ),
      );
    };
    createInterface({ input: supervisor.stdout }).on('line', (line) => void end(line));
    supervisor.once('exit', () => void end('its supervisor was killed'));
  });

  const endpoint = `http://${LOOPBACK}:${String(port)}`;
  const problem = await Promise.race([died, waitUntilHealthy(endpoint, tempDir)]);
  if (problem !== undefined) {
    await stop();
    throw problem;
  }
  return { endpoint, died, stop };
}

/** The environment of the emulator, which its Lambda workers inherit. */
function emulatorEnv(port: number, tempDir: string): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...process.env };
  for (const name of Object.keys(env)) {
    // A profile, role or endpoint of the user's own account must not reach functions that run here.
    if (/^(AWS_|MINISTACK_|LOCALSTACK_)/.test(name)) Reflect.deleteProperty(env, name);
  }
  return {
    ...env,
    // Functions run with the `node` found first.
    PATH: `${dirname(process.execPath)}${delimiter}${env['PATH'] ?? ''}`,
    TMPDIR: tempDir,
    GATEWAY_PORT: String(port),
    BIND_HOST: LOOPBACK,
    IOT_MTLS_ENABLED: '0',
    SFTP_ENABLED: '0',
    LOG_LEVEL: 'WARNING',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    // Warnings of the emulator's Node processes would count as log lines of the functions.
    NODE_NO_WARNINGS: '1',
    NODE_OPTIONS: '',
  };
}

async function waitUntilHealthy(endpoint: string, tempDir: string): Promise<CloudError | undefined> {
  const giveUpAtMs = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < giveUpAtMs) {
    if (await isHealthy(endpoint)) return undefined;
    await sleep(POLL_MS);
  }
  return new CloudError(
    `The emulator did not answer on ${endpoint} within ${String(START_TIMEOUT_MS / 1000)} s. The end of its log:\n${await logTail(tempDir)}`,
    'Run the command again when the machine is less busy.',
  );
}

/** Whether an emulator answers at this endpoint. */
export async function isHealthy(endpoint: string): Promise<boolean> {
  try {
    const response = await fetch(`${endpoint}/_ministack/health`, { signal: AbortSignal.timeout(2000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

async function logTail(tempDir: string): Promise<string> {
  const text = await readFile(join(tempDir, 'emulator.log'), 'utf8').catch(() => '');
  const lines = text.trimEnd().split('\n').slice(-LOG_TAIL_LINES);
  return lines.map((line) => `    ${line}`).join('\n');
}
