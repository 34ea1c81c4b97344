import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readContext } from '../../infra/context.ts';
import { dataRemovalWarning } from '../../infra/deployment.ts';
import { loadConfig } from '../../shared/config/load-config.ts';
import { ConfigError } from '../../shared/config/define-config.ts';

const scratchDir = mkdtempSync(join(tmpdir(), 'headgate-context-'));
afterAll(() => {
  rmSync(scratchDir, { recursive: true, force: true });
});

const read = (values: Readonly<Record<string, unknown>>) => readContext((name) => values[name]);

describe('the context', () => {
  test('is the starter configuration for AWS when nothing is said', () => {
    expect(read({})).toEqual({ configFile: 'headgate.config.ts', embedded: false, destroy: false });
  });

  test.each([
    [true, true],
    ['true', true],
    [false, false],
    ['false', false],
  ])('a flag of %j is %s', (value, expected) => {
    expect(read({ embedded: value, destroy: value })).toMatchObject({
      embedded: expected,
      destroy: expected,
    });
  });

  test.each(['yes', '1', 1, ''])('a flag of %j is refused, not taken for no', (value) => {
    expect(() => read({ destroy: value })).toThrow(
      `-c destroy=${JSON.stringify(value)}: must be true or false`,
    );
  });

  test.each(['', 7])('a configuration file of %j is refused', (value) => {
    expect(() => read({ config: value })).toThrow(`-c config=${JSON.stringify(value)}: must be the path`);
  });
});

describe('the configuration file', () => {
  const write = (name: string, text: string): string => {
    const file = join(scratchDir, name);
    writeFileSync(file, text);
    return file;
  };

  test('may be any file', async () => {
    expect(Object.keys((await loadConfig('headgate.config.ts')).sources)).toContain('earthquakes');
  });

  test('that does not exist is named with what to do', async () => {
    await expect(loadConfig('nowhere.config.ts')).rejects.toThrow(
      /nowhere\.config\.ts: there is no such file.*-c config=/,
    );
  });

  test('without a default export is refused', async () => {
    const file = write('empty.config.ts', 'export const config = {};\n');
    await expect(loadConfig(file)).rejects.toThrow(/must have a default export/);
  });

  test('is validated even when it does not call defineConfig', async () => {
    const file = write('plain.config.ts', 'export default { sources: {} };\n');
    await expect(loadConfig(file)).rejects.toThrow(ConfigError);
  });
});

describe('a flag alone', () => {
  test.each([
    [true, false, undefined],
    [false, true, undefined],
    [true, true, /the configuration protects the data/],
    [false, false, /has no effect alone/],
  ])('protect: %s, -c destroy=%s warns: %s', (protect, destroy, warning) => {
    const text = dataRemovalWarning(protect, destroy);
    if (warning === undefined) expect(text).toBeUndefined();
    else expect(text).toMatch(warning);
  });
});
