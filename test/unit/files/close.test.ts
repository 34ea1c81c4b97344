import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { MemoryObjectSource } from '../../../shared/adapters/memory/memory-object-source.ts';
import { TransientError } from '../../../shared/domain/errors.ts';
import type { ObjectSource } from '../../../shared/ports/object-source.ts';
import { declareFiles, type FilesSourceInput } from '../../support/declare-files.ts';
import { createFilesWorld } from '../../support/files-world.ts';

/* A connection that a run leaves open goes on in the next invocation of the frozen function, or keeps its socket. */

const ROWS = 2_000;
const LINES = Buffer.from(
  Array.from({ length: ROWS }, (_, id) => `${JSON.stringify({ id, body: `b${String(id * 7919)}` })}\n`).join(
    '',
  ),
);
const CSV = Buffer.from(
  `id,body\n${Array.from({ length: ROWS }, (_, id) => `${String(id)},b${String(id * 7919)}`).join('\n')}`,
);

/** Counts connections that are open. */
function watch(
  objects: ObjectSource,
  { bytes, onChunk }: { readonly bytes?: number; readonly onChunk: () => void },
): { readonly objects: ObjectSource; open: number; opened: number } {
  const seen = { open: 0, opened: 0 };
  return Object.assign(seen, {
    objects: {
      list: async (after: string) => {
        const page = await objects.list(after, Infinity);
        if (bytes === undefined) return page;
        return { ...page, objects: page.objects.map((object) => ({ ...object, bytes })) };
      },
      async *open(...args: Parameters<ObjectSource['open']>) {
        seen.open++;
        seen.opened++;
        try {
          for await (const chunk of objects.open(...args)) {
            onChunk();
            yield chunk;
          }
        } finally {
          // As a socket does it: not at once.
          await new Promise((resolve) => setImmediate(resolve));
          seen.open--;
        }
      },
    },
  });
}

describe('when a run ends by its deadline, no connection is left open', () => {
  test.each<[string, Partial<FilesSourceInput>, Buffer]>([
    ['NDJSON', {}, LINES],
    ['NDJSON, not asked for its compression', { compression: 'none' }, LINES],
    ['CSV', { format: { type: 'csv' } }, CSV],
    ['gzip', {}, gzipSync(LINES)],
    ['gzip by declaration', { compression: 'gzip' }, gzipSync(LINES)],
    ['zstd', { format: { type: 'csv' } }, zstdCompressSync(CSV)],
  ])('%s', async (_, overrides, bytes) => {
    const world = createFilesWorld(declareFiles(overrides));
    const stored = new MemoryObjectSource({ chunkBytes: () => 200 });
    stored.put('1', bytes);
    const watched = watch(stored, {
      // Too large to be fetched ahead.
      bytes: 1_000_000,
      onChunk: () => {
        world.clock.advance(1_000);
      },
    });
    let runs = 0;
    for (let isFinished = false; !isFinished;) {
      // What is compressed has to be decompressed again as far as it was read: those runs fail.
      isFinished = await world
        .run(watched.objects, { runMs: 30_000 * ++runs, maxBatchBytes: 10_000 })
        .then(({ finished }) => finished)
        .catch(() => false);
      expect(watched.open).toBe(0);
      if (runs > 100) throw new Error('gets nowhere');
    }
    expect(runs).toBeGreaterThan(1);
    expect(world.rows('raw')).toHaveLength(ROWS);
  });

  test('also those of small objects that were being fetched ahead', async () => {
    const world = createFilesWorld(declareFiles());
    const stored = new MemoryObjectSource({ pageSize: 100, chunkBytes: () => 10 });
    for (let id = 0; id < 30; id++) stored.put(String(id), Buffer.from(JSON.stringify({ id, body: 'b' })));
    const watched = watch(stored, {
      onChunk: () => {
        world.clock.advance(300);
      },
    });
    const { finished } = await world.run(watched.objects, { runMs: 20_000 });
    expect([finished, watched.open]).toEqual([false, 0]);
    expect(watched.opened).toBeGreaterThan(1);
    while (!(await world.run(watched.objects, { runMs: 60_000 })).finished) expect(watched.open).toBe(0);
    expect(world.rows('raw')).toHaveLength(30);
  });
});

test('when a run fails, no connection is left open', async () => {
  const world = createFilesWorld(declareFiles());
  const stored = new MemoryObjectSource({ pageSize: 100, chunkBytes: () => 10 });
  for (let id = 0; id < 30; id++) stored.put(String(id), Buffer.from(JSON.stringify({ id, body: 'b' })));
  const watched = watch(stored, { onChunk: () => undefined });
  await expect(
    world.run(watched.objects, {
      probe: (point) =>
        point === 'B.2' ? Promise.reject(new TransientError('FAULT', 'no more')) : Promise.resolve(),
      maxBatchBytes: 1,
    }),
  ).rejects.toThrow('no more');
  expect(watched.opened).toBeGreaterThan(1);
  expect(watched.open).toBe(0);
});
