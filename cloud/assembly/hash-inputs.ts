import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { CloudError } from '../cloud-error.ts';
import { projectDir } from '../paths.ts';
import type { CdkApp } from './cdk-app.ts';

/**
 * A hash of everything that a synthesised assembly depends on: the app's folders, the configuration file with what it
 * imports, and the machine whose native binaries go into the functions.
 *
 * @throws CloudError when the configuration file does not exist or cannot be read as TypeScript
 */
export async function hashInputs(app: CdkApp, configFile: string): Promise<string> {
  if (!existsSync(join(projectDir, configFile))) {
    throw new CloudError(
      `There is no configuration file ${resolve(projectDir, configFile)}.`,
      'Create it, or name another one with --config <path>.',
    );
  }
  const files = new Set<string>();
  for (const input of app.inputs) for (const file of await filesIn(join(projectDir, input))) files.add(file);
  for (const file of await importsOf([app.entry, configFile])) files.add(file);
  const hash = createHash('sha256');
  hash.update(JSON.stringify([app.entry, configFile, process.platform, process.arch, process.version]));
  for (const file of [...files].sort()) {
    const bytes = await readFile(file);
    hash.update(JSON.stringify([file, bytes.length])).update(bytes);
  }
  return hash.digest('hex').slice(0, 20);
}

async function filesIn(path: string): Promise<string[]> {
  if ((await stat(path)).isFile()) return [path];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** The files of the project that these files are made of, themselves included. */
async function importsOf(entryPoints: string[]): Promise<string[]> {
  const { metafile } = await build({
    entryPoints,
    absWorkingDir: projectDir,
    bundle: true,
    write: false,
    outdir: 'unused',
    metafile: true,
    packages: 'external',
    external: ['headgate:*'],
    platform: 'node',
    format: 'esm',
    logLevel: 'silent',
  }).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CloudError(reason, 'Correct the file; nothing has been deployed.', { cause: error });
  });
  return Object.keys(metafile.inputs).map((file) => resolve(projectDir, file));
}
