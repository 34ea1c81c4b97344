import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { SynthesisError } from '../synthesis-error.ts';
import { createOnce } from './create-once.ts';
import { cacheDir, projectDir } from './paths.ts';

/** The folder of a layer's content, and a hash that changes exactly when the content does. */
export interface LayerFolder {
  readonly path: string;
  readonly hash: string;
}

/** package.json and package-lock.json of DuckDB for AWS. */
const ARM64_LOCK_DIR = join(import.meta.dirname, 'duckdb-arm64');

/** Where Node looks for modules inside a layer. */
const MODULES = join('nodejs', 'node_modules');

/**
 * DuckDB with the binary for Lambda on arm64. npm leaves out the packages of other platforms, so they are installed
 * from a lock file of their own; once, until the lock changes.
 *
 * @throws SynthesisError that says what to do when the packages cannot be fetched
 */
export function duckDbForAws(): LayerFolder {
  const lock = readFileSync(join(ARM64_LOCK_DIR, 'package-lock.json'));
  return layer(`linux-arm64-${shortHash(lock)}`, (folder) => {
    const target = join(folder, 'nodejs');
    cpSync(ARM64_LOCK_DIR, target, { recursive: true });
    const args = [
      'ci',
      '--os=linux',
      '--cpu=arm64',
      '--libc=glibc',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
    ];
    const { status, error, stderr } = spawnSync('npm', args, {
      cwd: target,
      encoding: 'utf8',
      shell: process.platform === 'win32',
    });
    if (status !== 0) {
      throw new SynthesisError(
        'DuckDB for Lambda (linux-arm64) could not be installed with "npm ci". Check the connection to the npm ' +
          `registry and try again; the embedded cloud does not need it (-c embedded=true).\n${error?.message ?? stderr}`,
      );
    }
  });
}

/** DuckDB with the binary of this machine, taken from the project's own dependencies. */
export function duckDbForThisMachine(): LayerFolder {
  const packages = closure('@duckdb/node-api', projectDir, new Map());
  const identity = [...packages.values()].map(({ name, version }) => `${name}@${version}`).sort();
  return layer(`${process.platform}-${process.arch}-${shortHash(identity.join())}`, (folder) => {
    for (const { name, path } of packages.values()) {
      cpSync(path, join(folder, MODULES, name), { recursive: true, dereference: true });
    }
  });
}

interface InstalledPackage {
  readonly name: string;
  readonly version: string;
  readonly path: string;
}

/** A package and everything that it needs, as far as it is installed: npm leaves out the binaries of other platforms. */
function closure(
  name: string,
  from: string,
  found: Map<string, InstalledPackage>,
): Map<string, InstalledPackage> {
  if (found.has(name)) return found;
  const path = createRequire(join(from, 'package.json'))
    .resolve.paths(name)
    ?.map((folder) => join(folder, name))
    .find((folder) => existsSync(join(folder, 'package.json')));
  if (path === undefined) return found;
  const manifest = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')) as {
    version: string;
    dependencies?: Record<string, string>;
    optionalDependencies?: Record<string, string>;
  };
  found.set(name, { name, version: manifest.version, path });
  for (const needed of Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })) {
    closure(needed, path, found);
  }
  return found;
}

function layer(name: string, fill: (folder: string) => void): LayerFolder {
  const path = join(cacheDir, 'duckdb', name);
  createOnce(path, fill);
  return { path, hash: shortHash(name) };
}

function shortHash(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex').slice(0, 20);
}
