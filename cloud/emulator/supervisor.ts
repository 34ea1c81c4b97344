/**
 * Runs the emulator for a parent process and guarantees that nothing outlives that parent: when the parent closes this
 * process's stdin, by stopping or by dying in any way, or on SIGTERM, the emulator and every Lambda worker under it are
 * killed and their temporary folder is removed.
 *
 * usage: node supervisor.ts <temporary folder> <command> <argument>…
 *
 * When the emulator ends by itself, one line `exited <status>` is written to stdout; the temporary folder with the
 * emulator's log stays until stdin is closed.
 */
import { spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 25;

const [tempDir, command, ...args] = process.argv.slice(2);
if (tempDir === undefined || command === undefined)
  throw new Error('usage: supervisor.ts <folder> <command> <argument>…');

const log = openSync(join(tempDir, 'emulator.log'), 'a');
// A process group of its own: its workers are in it, this process is not, so one signal reaches exactly them.
const emulator = spawn(command, args, { detached: true, stdio: ['ignore', log, log] });
emulator.once('error', (error) => {
  process.stdout.write(`exited ${error.message}\n`);
});
emulator.once('exit', (status, signal) => {
  process.stdout.write(`exited ${String(status ?? signal)}\n`);
});

let stopping = false;
async function stop(folder: string): Promise<void> {
  if (stopping) return;
  stopping = true;
  if (emulator.pid !== undefined) await endGroup(emulator.pid);
  await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  process.exit(0);
}

/** Kills a process group, whose members have nothing to save; resolves when none is left. */
async function endGroup(group: number): Promise<void> {
  while (signalGroup(group, 'SIGKILL')) await sleep(POLL_MS);
}

function signalGroup(group: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(-group, signal);
    return true;
  } catch {
    return false;
  }
}

process.stdout.on('error', () => undefined);
process.stdin.resume();
process.stdin.once('close', () => void stop(tempDir));
process.once('SIGTERM', () => void stop(tempDir));
process.on('SIGINT', () => undefined);
