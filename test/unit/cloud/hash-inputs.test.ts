import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { hashInputs } from '../../../cloud/assembly/hash-inputs.ts';
import { cacheDir, projectDir } from '../../../cloud/paths.ts';
import { mkdir } from 'node:fs/promises';

let folder = '';

beforeEach(async () => {
  await mkdir(cacheDir, { recursive: true });
  folder = relative(projectDir, await mkdtemp(join(cacheDir, 'hash-test-')));
  await write('app.ts', `import './part.ts';`);
  await write('part.ts', 'export const part = 1;');
  await write('data.json', '{}');
  await write('headgate.config.ts', `import './sources.ts'; export default {};`);
  await write('sources.ts', 'export const sources = 1;');
  await write('other.ts', 'export const other = 1;');
});

afterEach(async () => {
  await rm(join(projectDir, folder), { recursive: true, force: true });
});

const write = (name: string, text: string): Promise<void> => writeFile(join(projectDir, folder, name), text);
const hash = (config = 'headgate.config.ts'): Promise<string> =>
  hashInputs({ entry: join(folder, 'app.ts'), inputs: [join(folder, 'data.json')] }, join(folder, config));

test('the same inputs have the same hash', async () => {
  expect(await hash()).toBe(await hash());
});

test.each(['app.ts', 'part.ts', 'data.json', 'headgate.config.ts', 'sources.ts'])(
  'a change of %s changes it',
  async (name) => {
    const before = await hash();
    await write(name, name.endsWith('.json') ? '{"a":1}' : 'export const changed = 2;');
    expect(await hash()).not.toBe(before);
  },
);

test('a change of a file that nothing imports does not', async () => {
  const before = await hash();
  await write('other.ts', 'export const other = 2;');
  expect(await hash()).toBe(before);
});

test('a configuration that does not exist is an error that names the file', async () => {
  await expect(hash('missing.config.ts')).rejects.toThrow(
    /There is no configuration file .*missing\.config\.ts/,
  );
});

test('a configuration that is no TypeScript is an error that names the place', async () => {
  await write('headgate.config.ts', 'export default {');
  await expect(hash()).rejects.toThrow(/headgate\.config\.ts:1[\s\S]*nothing has been deployed/);
});
