import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AwsClients } from '../../cloud/aws-clients.ts';
import { projectDir } from '../../cloud/paths.ts';
import { ageParked, listParked } from '../support/parked-deliveries.ts';

export interface ReplayOptions {
  readonly shardId: string;
  /** Stream records that must have been given up before. */
  readonly sequenceNumbers: readonly string[];
  /** Called when all of them are parked, before the first operator begins. */
  readonly onParked: () => void;
  /** Resolves when what the cell wants has happened to the first operator. */
  readonly fired: Promise<void>;
}

/** Whether others have landed everything, and the end of the first operator, which may be held until it is let go. */
export interface ReplayOutcome {
  readonly hasLanded: boolean;
  readonly firstOperator: Promise<unknown>;
}

export interface ReplayWorld {
  readonly clients: AwsClients;
  readonly bucket: string;
  /** The configuration that is deployed. */
  readonly config: string;
  /** Environment of an operator. */
  readonly env: Readonly<Record<string, string>>;
  readonly onProblem: (message: string) => void;
}

const PARKED_TIMEOUT_MS = 60_000;
const POLL_MS = 300;
const MAX_TRIES = 3;

/**
 * Replays what the mapping has parked of a shard: a first operator, to whom something happens, and then two at once who
 * replay everything to its end.
 */
export async function replayParked(world: ReplayWorld, options: ReplayOptions): Promise<ReplayOutcome> {
  const keys = await waitUntilParked(world, options);
  options.onParked();
  const firstOperator = operate(world, keys);
  await Promise.race([firstOperator, options.fired]);
  const others = await Promise.all([finish(world, keys), finish(world, keys)]);
  return { hasLanded: others.every(Boolean), firstOperator };
}

/** @returns the keys of all parked deliveries of the shard, those of earlier cells included */
async function waitUntilParked(
  world: ReplayWorld,
  { shardId, sequenceNumbers }: ReplayOptions,
): Promise<readonly string[]> {
  const { clients, bucket } = world;
  const giveUpAtMs = Date.now() + PARKED_TIMEOUT_MS;
  const parked = new Map<string, readonly string[]>();
  while (Date.now() < giveUpAtMs) {
    for (const key of await listParked(clients.s3, bucket)) {
      if (!key.includes(`/${shardId}/`) || parked.has(key)) continue;
      parked.set(key, await ageParked(clients.s3, bucket, key));
    }
    const found = new Set([...parked.values()].flat());
    if (sequenceNumbers.every((number) => found.has(number))) return [...parked.keys()];
    await sleep(POLL_MS);
  }
  world.onProblem(`not all records of ${shardId} were parked in time`);
  return [...parked.keys()];
}

async function finish(world: ReplayWorld, keys: readonly string[]): Promise<boolean> {
  for (let attempt = 1; attempt <= MAX_TRIES; attempt++) {
    const { status, output } = await operate(world, keys);
    if (status === 0) return true;
    world.onProblem(`an operator failed (${String(status)}): ${output.slice(-500)}`);
  }
  return false;
}

/** One operator: the command itself. @returns its exit status; null when it was killed */
function operate(
  { env, config }: ReplayWorld,
  keys: readonly string[],
): Promise<{ readonly status: number | null; readonly output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      [join(projectDir, 'cli/headgate.mjs'), 'dlq', 'replay', ...keys, '--json', '--config', config],
      { cwd: projectDir, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    }
    child.once('error', reject);
    child.once('close', (status) => {
      resolve({ status, output });
    });
  });
}
