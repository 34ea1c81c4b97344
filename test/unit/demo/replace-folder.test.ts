import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { replaceFolder } from '../../../demo/replace-folder.ts';

let parent: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'replace-folder-'));
});
afterEach(() => rm(parent, { recursive: true }));

async function makeFolder(name: string): Promise<string> {
  const folder = join(parent, name);
  await mkdir(folder);
  for (let i = 0; i < 20; i++) await writeFile(join(folder, `${name}-${String(i)}`), name);
  return folder;
}

test('replaces what was there', async () => {
  const place = await makeFolder('old');
  await replaceFolder(await makeFolder('new'), place);
  expect(await readdir(parent)).toEqual(['old']);
  expect(await readFile(join(place, 'new-0'), 'utf8')).toBe('new');
  expect(await readdir(place)).toHaveLength(20);
});

test('leaves one whole folder when several take the place at once', async () => {
  const folders = await Promise.all(['a', 'b', 'c', 'd', 'e'].map(makeFolder));
  const place = join(parent, 'place');
  await Promise.all(folders.map((folder) => replaceFolder(folder, place)));
  const files = await readdir(place);
  expect(files).toHaveLength(20);
  expect(new Set(files.map((file) => file.charAt(0))).size).toBe(1);
});

test('reports what it cannot move', async () => {
  await expect(replaceFolder(join(parent, 'missing'), join(parent, 'place'))).rejects.toThrow('ENOENT');
});
