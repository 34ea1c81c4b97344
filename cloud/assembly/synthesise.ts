import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { ACCOUNT, REGION } from '../account.ts';
import { CloudError } from '../cloud-error.ts';
import { runCommand } from '../emulator/run-command.ts';
import { cacheDir, projectDir } from '../paths.ts';
import { withLock } from '../with-lock.ts';
import { hashInputs } from './hash-inputs.ts';
import type { CdkApp } from './cdk-app.ts';

const KEEP_UNUSED_MS = 7 * 86_400_000;

export interface SynthesiseOptions {
  readonly app: CdkApp;
  /** The configuration file, relative to the project or absolute. */
  readonly config: string;
  /** Told in one sentence what takes time. */
  readonly onProgress: (message: string) => void;
}

/**
 * Synthesises the CDK app for the embedded cloud and answers the folder of the cloud assembly. An assembly of the same
 * inputs is used again.
 *
 * @throws CloudError with the app's own message when it refuses, for example because of a wrong configuration
 */
export async function synthesise({ app, config, onProgress }: SynthesiseOptions): Promise<string> {
  const configFile = relative(projectDir, resolve(projectDir, config));
  const hash = await hashInputs(app, configFile);
  const assembliesDir = join(cacheDir, 'assemblies');
  const assemblyDir = join(assembliesDir, hash);
  if (await isComplete(assemblyDir)) return use(assemblyDir);
  return withLock(`${assemblyDir}.lock`, async () => {
    if (await isComplete(assemblyDir)) return use(assemblyDir);
    onProgress('synthesising the CDK app and bundling its functions');
    await removeUnused(assembliesDir);
    const partDir = await mkdtemp(`${assemblyDir}.part-`);
    try {
      await runApp(app, configFile, partDir);
      await rename(partDir, assemblyDir);
    } finally {
      await rm(partDir, { recursive: true, force: true });
    }
    return assemblyDir;
  });
}

async function isComplete(assemblyDir: string): Promise<boolean> {
  return (await stat(join(assemblyDir, 'manifest.json')).catch(() => undefined)) !== undefined;
}

/** Marks an assembly as used now, so that it is not removed. */
async function use(assemblyDir: string): Promise<string> {
  const now = new Date();
  await utimes(assemblyDir, now, now);
  return assemblyDir;
}

async function removeUnused(assembliesDir: string): Promise<void> {
  await mkdir(assembliesDir, { recursive: true });
  for (const name of await readdir(assembliesDir)) {
    const path = join(assembliesDir, name);
    const entry = await stat(path).catch(() => undefined);
    if (entry !== undefined && Date.now() - entry.mtimeMs > KEEP_UNUSED_MS)
      await rm(path, { recursive: true, force: true });
  }
}

async function runApp(app: CdkApp, configFile: string, outDir: string): Promise<void> {
  const cdkJson: unknown = JSON.parse(await readFile(join(projectDir, 'cdk.json'), 'utf8'));
  const settings =
    typeof cdkJson === 'object' && cdkJson !== null && 'context' in cdkJson ? cdkJson.context : {};
  // What the CDK command line passes to an app: https://github.com/aws/aws-cdk (cxapi environment variables).
  const context = { ...(settings as object), config: configFile, embedded: 'true' };
  const { status, stderr, stdout } = await runCommand(process.execPath, ['--no-warnings', app.entry], {
    cwd: projectDir,
    env: {
      ...process.env,
      CDK_OUTDIR: outDir,
      CDK_CONTEXT_JSON: JSON.stringify(context),
      CDK_DEFAULT_ACCOUNT: ACCOUNT,
      CDK_DEFAULT_REGION: REGION,
    },
  });
  if (status === 0) return;
  throw new CloudError(
    `${app.entry} could not be synthesised with ${configFile}:\n${readableError(stderr || stdout)}`,
    'Correct what it names; nothing has been deployed.',
  );
}

const MAX_LINES = 30;
const MAX_LINE_CHARACTERS = 500;

/** The message of a crashed Node process: without the source excerpt, which may be one enormous line, and the stack. */
export function readableError(output: string): string {
  const lines = output
    .trim()
    .split('\n')
    .filter(
      (line) => line.length <= MAX_LINE_CHARACTERS && !/^\s*\^*$/.test(line) && !/^Node\.js v/.test(line),
    );
  const start = lines.findIndex((line) => /^\w*(?:Error|Exception)\b.*:/.test(line));
  const message = start === -1 ? lines.slice(-MAX_LINES) : lines.slice(start);
  const end = message.findIndex((line) => /^\s+at /.test(line));
  const kept = (end === -1 ? message : message.slice(0, end)).slice(0, MAX_LINES);
  return kept.map((line) => `    ${line}`).join('\n');
}
