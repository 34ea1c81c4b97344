import { createHash } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { build, type Metafile, type OutputFile } from 'esbuild';
import type { HeadgateConfig } from '../../shared/config/schema.ts';
import type { FunctionName } from '../../shared/domain/plan/function-sizes.ts';
import { bundlePlugin } from './bundle-plugin.ts';
import { SynthesisError } from '../synthesis-error.ts';
import { createOnce } from './create-once.ts';
import { cacheDir, projectDir } from './paths.ts';

/** A bundled function. */
export interface FunctionBundle {
  /** Folder with `index.js`, which exports `handler`, and its source map. */
  readonly folder: string;
  /** What the code consists of: bytes by npm package or folder of the project, the largest first. */
  readonly bytesByPackage: ReadonlyMap<string, number>;
}

export interface BundleOptions {
  readonly config: HeadgateConfig;
  /** Entry file by function; the default is lambdas/<function>/handler.ts. */
  readonly entries: Readonly<Record<string, string>>;
}

/** The entry files of these functions. */
export function handlerEntries(functions: readonly FunctionName[]): Record<string, string> {
  return Object.fromEntries(functions.map((name) => [name, join(projectDir, 'lambdas', name, 'handler.ts')]));
}

/**
 * Bundles functions in one run of esbuild, each into a folder whose name is the hash of its content: the same code is
 * the same asset, and is not uploaded again.
 *
 * @returns the bundle of each function
 * @throws SynthesisError when an entry file is missing; BuildFailure when it does not bundle
 */
export async function bundleFunctions({
  config,
  entries,
}: BundleOptions): Promise<ReadonlyMap<string, FunctionBundle>> {
  const missing = Object.entries(entries).filter(([, file]) => !existsSync(file));
  if (missing.length > 0) {
    throw new SynthesisError(
      `cannot bundle ${missing.map(([name, file]) => `${name}: ${relative(projectDir, file)} does not exist`).join('; ')}. ` +
        'A function needs a handler.ts that exports `handler`.',
    );
  }
  const { outputFiles, metafile } = await build({
    entryPoints: Object.fromEntries(Object.entries(entries).map(([name, file]) => [`${name}/index`, file])),
    absWorkingDir: projectDir,
    outdir: join(cacheDir, 'bundles'),
    write: false,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    minify: true,
    keepNames: true,
    sourcemap: 'linked',
    // Lines and names are enough for a stack trace; the sources themselves would multiply the upload.
    sourcesContent: false,
    legalComments: 'none',
    // In the layer, because of its native binary.
    external: ['@duckdb/node-api', '@duckdb/node-bindings'],
    mainFields: ['module', 'main'],
    plugins: [bundlePlugin(config)],
    logLevel: 'silent',
    metafile: true,
  });
  const bundles = new Map<string, FunctionBundle>();
  for (const name of Object.keys(entries)) {
    const files = outputFiles.filter((file) => basename(dirname(file.path)) === name);
    bundles.set(name, { folder: writeOnce(name, files), bytesByPackage: bytesByPackage(metafile, name) });
  }
  return bundles;
}

function writeOnce(name: string, files: readonly OutputFile[]): string {
  const hash = createHash('sha256');
  for (const file of files) hash.update(JSON.stringify([basename(file.path), file.hash]));
  const path = join(cacheDir, 'bundles', `${name}-${hash.digest('hex').slice(0, 20)}`);
  createOnce(path, (folder) => {
    for (const file of files) writeFileSync(join(folder, basename(file.path)), file.contents);
    // Wherever the folder stands: the project's own package.json says that .js files are ES modules.
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'commonjs' }));
  });
  return path;
}

function bytesByPackage(metafile: Metafile, name: string): ReadonlyMap<string, number> {
  const output = Object.entries(metafile.outputs).find(([file]) => file.endsWith(`/${name}/index.js`))?.[1];
  const bytes = new Map<string, number>();
  for (const [file, { bytesInOutput }] of Object.entries(output?.inputs ?? {})) {
    const part =
      /node_modules\/((?:@[^/]+\/)?[^/]+)\/[^]*$/.exec(file)?.[1] ?? file.split('/').slice(0, 2).join('/');
    bytes.set(part, (bytes.get(part) ?? 0) + bytesInOutput);
  }
  return new Map([...bytes].sort(([, a], [, b]) => b - a));
}
