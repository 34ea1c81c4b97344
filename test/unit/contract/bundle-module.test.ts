import { createRequire } from 'node:module';
import { build } from 'esbuild';
import { expect, test } from 'vitest';
import { compileSources } from '../../../shared/config/compile-sources.ts';
import { compileValidators, toBundleModule } from '../../../shared/config/compile-validators.ts';
import { parseConfig } from '../../../shared/config/define-config.ts';
import type { HeadgateConfig } from '../../../shared/config/schema.ts';

type Validators = Parameters<typeof compileSources>[1];

const config = parseConfig({
  sources: {
    'a-b': {
      type: 'push',
      freshness: '30 seconds',
      volume: { gbPerDay: 1 },
      key: ['id'],
      contract: {
        schema: {
          $id: 'https://x.test/same',
          type: 'object',
          $defs: { name: { type: 'string', minLength: 2, maxLength: 3, pattern: '^[a-z]+$' } },
          properties: {
            id: { $ref: '#/$defs/name' },
            at: { type: 'string', format: 'date-time' },
            big: { type: 'integer', format: 'int64' },
            tags: { type: 'array', items: { type: 'string' }, uniqueItems: true },
            either: { oneOf: [{ const: { a: [1] } }, { type: 'null' }] },
          },
        },
      },
    },
    c: {
      type: 'push',
      freshness: '30 seconds',
      volume: { gbPerDay: 1 },
      key: ['id'],
      contract: {
        schema: { $id: 'https://x.test/same', type: 'object', properties: { id: { type: 'integer' } } },
      },
    },
  },
});

async function loadBundle(): Promise<{ config: HeadgateConfig; validators: Validators }> {
  const { outputFiles } = await build({
    stdin: { contents: toBundleModule(config), resolveDir: process.cwd() },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    write: false,
  });
  const module = { exports: {} };
  const code = outputFiles[0]?.text ?? '';
  // The bundle is CommonJS, as a function loads it.
  // eslint-disable-next-line @typescript-eslint/no-implied-eval
  const load = new Function('module', 'exports', 'require', code) as (...args: unknown[]) => void;
  load(module, module.exports, createRequire(import.meta.url));
  return module.exports as { config: HeadgateConfig; validators: Validators };
}

test('contracts in a bundle judge as contracts compiled in the process do', async () => {
  const bundle = await loadBundle();
  expect(bundle.config).toEqual(config);
  const bundled = compileSources(bundle.config, bundle.validators);
  const compiled = compileSources(config, compileValidators(config));
  const records = [
    { id: 'abc' },
    { id: 'a' },
    { id: 'ABC' },
    { id: '😀😀😀' },
    { id: 5 },
    { id: 'ab', at: '2026-03-01T00:00:00Z' },
    { id: 'ab', at: '2026-02-30T00:00:00Z' },
    { id: 'ab', big: 1 },
    { id: 'ab', tags: ['a', 'a'] },
    { id: 'ab', either: { a: [1] } },
    { id: 'ab', either: { a: [2] } },
  ];
  const statuses = new Set<string>();
  for (const name of ['a-b', 'c']) {
    for (const record of records) {
      const bytes = Buffer.from(JSON.stringify(record));
      const checked = bundled.get(name)?.check(bytes, 0);
      expect(checked).toEqual(compiled.get(name)?.check(bytes, 0));
      statuses.add(checked?.status ?? 'none');
    }
  }
  expect(statuses).toEqual(new Set(['accepted', 'quarantined']));
});

test('a source without a compiled contract is an error that names it', () => {
  expect(() => compileSources(config, {})).toThrow('source a-b has no compiled contract');
});
