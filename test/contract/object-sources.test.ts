import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { FolderObjectSource } from '../../shared/adapters/files/folder-object-source.ts';
import { MemoryObjectSource } from '../../shared/adapters/memory/memory-object-source.ts';
import { objectSourceContract } from './object-source.suite.ts';

describe('memory', () => {
  const places = new Map<string, MemoryObjectSource>();
  const at = (place: string): MemoryObjectSource => {
    const found = places.get(place) ?? new MemoryObjectSource({ chunkBytes: () => 100_000 });
    places.set(place, found);
    return found;
  };
  objectSourceContract({
    open: at,
    put: (place, name, bytes) => {
      at(place).put(name, bytes);
      return Promise.resolve();
    },
    remove: (place, name) => {
      at(place).remove(name);
      return Promise.resolve();
    },
  });
});

describe('folder', () => {
  let root = '';
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'headgate-objects-'));
  });
  afterAll(() => rm(root, { recursive: true }));
  objectSourceContract({
    open: (place) => new FolderObjectSource(join(root, place), 3),
    async put(place, name, bytes) {
      const path = join(root, place, name);
      await mkdir(dirname(path), { recursive: true });
      // As the documentation asks: a file appears whole.
      await writeFile(`${root}/new`, bytes);
      await rename(`${root}/new`, path);
    },
    remove: (place, name) => rm(join(root, place, name)),
  });
});
