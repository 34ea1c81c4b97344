import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { functionsOf } from '../../infra/bundling/bundled-code.ts';
import {
  bundleFunctions,
  type FunctionBundle,
  handlerEntries,
} from '../../infra/bundling/bundle-functions.ts';
import { duckDbForThisMachine } from '../../infra/bundling/duckdb-package.ts';
import { parseConfig } from '../../shared/config/define-config.ts';
import { everything } from './configs.ts';

const MB = 1_000_000;
const config = parseConfig(everything);
const entries = handlerEntries(['push', 'stream', 'land', 'pull', 'watch']);
const bundles = await bundleFunctions({ config, entries });

const scratchDir = mkdtempSync(join(tmpdir(), 'headgate-bundling-'));
afterAll(() => {
  rmSync(scratchDir, { recursive: true, force: true });
});

function bundleOf(name: string): FunctionBundle {
  const bundle = bundles.get(name);
  if (bundle === undefined) throw new Error(`no bundle ${name}`);
  return bundle;
}

const folderOf = (name: string): string => bundleOf(name).folder;

/** Bytes of a folder: as it is, or compressed file by file as a zip does. */
function sizeOf(folder: string, compressed: boolean): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .reduce((sum, file) => sum + (compressed ? gzipSync(readFileSync(file)).length : statSync(file).size), 0);
}

describe('the bundles', () => {
  test('push is at most 1.5 MB zipped, so that it starts quickly', () => {
    const { folder, bytesByPackage } = bundleOf('push');
    expect(sizeOf(folder, true), JSON.stringify([...bytesByPackage].slice(0, 10))).toBeLessThan(1.5 * MB);
  });

  test.each(['stream', 'land', 'pull'])(
    '%s with DuckDB stays under the 250 MB that Lambda unpacks',
    (name) => {
      expect(sizeOf(folderOf(name), false) + sizeOf(duckDbForThisMachine().path, false)).toBeLessThan(
        250 * MB,
      );
    },
  );

  test('watch is at most 1 MB zipped, and carries neither DuckDB nor the engine', () => {
    const { folder, bytesByPackage } = bundleOf('watch');
    expect(sizeOf(folder, true), JSON.stringify([...bytesByPackage].slice(0, 10))).toBeLessThan(MB);
    expect(readFileSync(join(folder, 'index.js'), 'utf8')).not.toContain('@duckdb/node-api');
    expect(bytesByPackage.has('@aws-sdk/client-s3')).toBe(false);
  });

  test('push carries neither DuckDB, nor a compiler of schemas, nor the texts of zod in every language', () => {
    const { folder, bytesByPackage } = bundleOf('push');
    expect(readFileSync(join(folder, 'index.js'), 'utf8')).not.toContain('@duckdb/node-api');
    expect(bytesByPackage.get('ajv') ?? 0).toBeLessThan(10_000);
    expect(bytesByPackage.get('zod') ?? 0).toBeLessThan(150_000);
  });

  test('know what they consist of', () => {
    const { folder, bytesByPackage } = bundleOf('push');
    const total = [...bytesByPackage.values()].reduce((sum, bytes) => sum + bytes, 0);
    const size = statSync(join(folder, 'index.js')).size;
    expect(total / size).toBeGreaterThan(0.9);
    expect(total / size).toBeLessThanOrEqual(1);
    for (const part of ['@aws-sdk/client-kinesis', 'lambdas/push', 'headgate:bundle']) {
      expect([...bytesByPackage.keys()].join()).toContain(part);
    }
  });

  test.each([
    ['push', { INGEST_STREAM: 's', ACCESS_TABLE: 'a', CLAIMS_TABLE: 'c', LEDGER_TABLE: 'l' }],
    ['stream', { LAKE_BUCKET: 'b', CLAIMS_TABLE: 'c', LEDGER_TABLE: 'l', SOURCE_STREAMS: '{}' }],
    [
      'pull',
      { LAKE_BUCKET: 'b', CLAIMS_TABLE: 'c', LEDGER_TABLE: 'l', WORK_QUEUE: 'q', SCHEDULE_GROUP: 'g' },
    ],
  ])(
    '%s starts with the layer and the environment that it is given on AWS, and exports its handler',
    (name, env) => {
      // Away from the project, whose node_modules would hide what is missing in the bundle.
      const task = join(scratchDir, name);
      cpSync(folderOf(name), task, { recursive: true });
      const { path: layer } = duckDbForThisMachine();
      const type = execFileSync(process.execPath, ['-p', "typeof require('./index.js').handler"], {
        cwd: task,
        env: { ...env, AWS_REGION: 'us-east-1', NODE_PATH: join(layer, 'nodejs', 'node_modules') },
        encoding: 'utf8',
      });
      expect(type.trim()).toBe('function');
    },
  );

  test('of the same code have the same name, of another configuration another', async () => {
    expect(await bundleFunctions({ config, entries })).toEqual(bundles);
    const changed = parseConfig({ ...everything, name: 'changed' });
    const other = await bundleFunctions({ config: changed, entries });
    expect(other.get('push')?.folder).not.toBe(folderOf('push'));
  });

  test('a missing handler is named', async () => {
    const file = join(scratchDir, 'none', 'handler.ts');
    await expect(bundleFunctions({ config, entries: { land: file } })).rejects.toThrow(
      /cannot bundle land: .*none\/handler\.ts does not exist/,
    );
  });

  test('have a source map without the sources, so that a stack trace names the line', () => {
    const map = JSON.parse(readFileSync(join(folderOf('push'), 'index.js.map'), 'utf8')) as {
      sources: string[];
      sourcesContent?: unknown;
    };
    expect(map.sources.some((source) => source.endsWith('lambdas/push/handler.ts'))).toBe(true);
    expect(map.sourcesContent ?? []).toEqual([]);
  });
});

describe('the functions of a configuration', () => {
  const { orders, sensors, rates } = everything.sources;
  test.each([
    [{ orders }, ['push', 'stream', 'watch']],
    [{ sensors }, ['stream', 'watch']],
    [{ rates }, ['pull', 'watch']],
    [{ orders, rates }, ['push', 'stream', 'pull', 'watch']],
  ])('are those that its sources need, and the watch', (sources, functions) => {
    expect(functionsOf(parseConfig({ sources }))).toEqual(functions);
  });
});

describe('DuckDB for this machine', () => {
  test('loads from the layer alone', () => {
    const { path } = duckDbForThisMachine();
    const { stdout, stderr } = spawnSync(
      process.execPath,
      ['-p', "typeof require('@duckdb/node-api').DuckDBInstance"],
      {
        cwd: scratchDir,
        env: { NODE_PATH: join(path, 'nodejs', 'node_modules') },
        encoding: 'utf8',
      },
    );
    expect(stderr).toBe('');
    expect(stdout.trim()).toBe('function');
  });

  test('is the version that the lock for AWS has', () => {
    const versionIn = (file: string): string =>
      (JSON.parse(readFileSync(file, 'utf8')) as { dependencies: Record<string, string> }).dependencies[
        '@duckdb/node-api'
      ] ?? '';
    expect(versionIn('infra/bundling/duckdb-arm64/package.json')).toBe(versionIn('package.json'));
    const lock = JSON.parse(readFileSync('infra/bundling/duckdb-arm64/package-lock.json', 'utf8')) as {
      packages: Record<string, { version?: string; integrity?: string }>;
    };
    const binary = lock.packages['node_modules/@duckdb/node-bindings-linux-arm64'];
    expect(binary?.version).toBe(versionIn('package.json'));
    expect(binary?.integrity).toMatch(/^sha512-/);
  });
});

test('a configuration that is wrong is refused in plain words before anything is synthesised', () => {
  const file = join(scratchDir, 'wrong.config.ts');
  const out = join(scratchDir, 'wrong.out');
  mkdirSync(out);
  writeFileSync(file, "export default { sources: { orders: { type: 'pull' } } };\n");
  const { status, stderr } = spawnSync(process.execPath, ['--no-warnings', 'infra/bin/app.ts'], {
    env: { ...process.env, CDK_OUTDIR: out, CDK_CONTEXT_JSON: JSON.stringify({ config: file }) },
    encoding: 'utf8',
  });
  expect(status).toBe(1);
  expect(stderr).toContain('sources.orders');
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(readdirSync(out), basename(out)).toEqual([]);
});
