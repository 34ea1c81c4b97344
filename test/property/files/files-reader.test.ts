import fc from 'fast-check';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { MemoryObjectSource } from '../../../shared/adapters/memory/memory-object-source.ts';
import { TransientError } from '../../../shared/domain/errors.ts';
import type { ObjectSource } from '../../../shared/ports/object-source.ts';
import { declareFiles } from '../../support/declare-files.ts';
import { createFilesWorld } from '../../support/files-world.ts';
import { Rng } from '../../simulation/rng.ts';

/* Objects that are added, overwritten and deleted while runs overlap, die at every step and lose connections. */

const FORMATS = ['csv', 'ndjson', 'json'] as const;
type Format = (typeof FORMATS)[number];
/** A row of a version of an object: `bad` ones violate the contract. */
interface Row {
  readonly id: number;
  readonly bad: boolean;
}

const TEXTS = ['plain', '"quoted", and\nbroken', 'ümläut 🎉', '', ' spaces ', '[{]}'];

function write(format: Format, rows: readonly Row[], rng: Rng): Buffer {
  const text = (id: number): string => TEXTS[id % TEXTS.length] ?? '';
  if (format === 'csv') {
    const end = rng.pick(['\n', '\r\n']);
    const quoted = (value: string): string => `"${value.replaceAll('"', '""')}"`;
    const lines = rows.map(({ id, bad }) => `${bad ? 'x' : ''}${String(id)},${quoted(text(id))}`);
    return Buffer.from(`${rng.pick(['', '\ufeff'])}id,body${end}${lines.join(end)}${rng.pick(['', end])}`);
  }
  const records = rows.map(({ id, bad }) =>
    JSON.stringify({ id: bad ? `x${String(id)}` : id, body: text(id) }),
  );
  if (format === 'ndjson') return Buffer.from(records.join(rng.pick(['\n', '\r\n', '\n\n'])));
  return Buffer.from(rng.chance(0.5) ? `[${records.join(rng.pick([',', ' ,\n']))}]` : records.join(''));
}

const compress = (bytes: Buffer, rng: Rng): Buffer =>
  rng.pick([(b: Buffer) => b, (b: Buffer) => gzipSync(b), (b: Buffer) => zstdCompressSync(b)])(bytes);

async function play(seed: number): Promise<void> {
  const rng = new Rng(seed);
  const format = rng.pick(FORMATS);
  const source = declareFiles({ format: { type: format }, ...(rng.chance(0.3) && { key: ['id'] }) });
  const world = createFilesWorld(source);
  let isFaulty = true;
  const pause = async (): Promise<void> => {
    for (let turns = rng.int(4); turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
  };
  const stored = new MemoryObjectSource({
    pageSize: 1 + rng.int(3),
    chunkBytes: () => 1 + rng.int(rng.pick([5, 60, 400])),
  });
  /** Versions that stay, and those that went: their rows may be there in part. */
  const present = new Map<string, { readonly tag: string; readonly rows: readonly Row[] }>();
  const versions: { readonly name: string; readonly tag: string; readonly rows: readonly Row[] }[] = [];
  let nextId = 0;
  const change = (): void => {
    const name = rng.pick(['a', 'b/c', 'd', 'e', 'ü']);
    if (rng.chance(0.15)) {
      stored.remove(name);
      present.delete(name);
      return;
    }
    const rows = Array.from({ length: rng.int(25) }, () => ({ id: nextId++, bad: rng.chance(0.1) }));
    const tag = stored.put(name, compress(write(format, rows, rng), rng));
    present.set(name, { tag, rows });
    versions.push({ name, tag, rows });
  };
  const objects: ObjectSource = {
    async list(after) {
      await pause();
      if (isFaulty && rng.chance(0.05)) throw new TransientError('FAULT', 'no listing');
      const page = await stored.list(after);
      // Half of them are streamed.
      return rng.chance(0.5)
        ? page
        : {
            ...page,
            objects: page.objects.map((object) => ({ ...object, bytes: Math.max(object.bytes, 1_000_000) })),
          };
    },
    async *open(object, offset) {
      for await (const chunk of stored.open(object, offset)) {
        if (isFaulty && rng.chance(0.01)) throw new TransientError('FAULT', 'the connection is lost');
        yield chunk;
        if (isFaulty && rng.chance(0.02)) change();
        world.clock.advance(rng.int(300));
      }
    },
  };
  const run = async (): Promise<void> => {
    const dies = isFaulty && rng.chance(0.4);
    try {
      await world.run(objects, {
        maxBatchBytes: rng.pick([1, 100, 1_000, 1_000_000]),
        runMs: isFaulty ? rng.pick([25_000, 60_000, 900_000]) : 900_000,
        probe: async () => {
          await pause();
          if (dies && rng.chance(0.15)) throw new Error('killed');
        },
      });
    } catch {
      // The next run goes on.
    }
  };
  for (let round = 0; round < 6; round++) {
    for (let changes = rng.int(4); changes > 0; changes--) change();
    const runs = [run(), ...(rng.chance(0.4) ? [run()] : [])];
    await Promise.all(runs);
    world.clock.advance(15_000);
  }
  isFaulty = false;
  for (let last = 0; last < 4; last++) {
    world.clock.advance(15_000);
    await run();
  }
  expect((await world.run(objects)).commits, 'commits when nothing is new').toBe(0);

  const times = new Map<string, number>();
  const idsInOrder = new Map<string, number[]>();
  for (const zone of ['raw', 'quarantine'] as const) {
    for (const { raw, id, reason } of world.rows(zone)) {
      if (reason === 'UNREADABLE_OBJECT') continue;
      const value = JSON.parse(zone === 'raw' ? raw : Buffer.from(raw, 'latin1').toString()) as {
        id: number | string;
        body: string;
      };
      const number = Number(String(value.id).replace('x', ''));
      expect(value.body, 'texts are exact').toBe(TEXTS[number % TEXTS.length]);
      const name = `${zone}/${String(number)}`;
      times.set(name, (times.get(name) ?? 0) + 1);
      const at = id.lastIndexOf('/');
      const ofObject = idsInOrder.get(id.slice(0, at)) ?? [];
      ofObject[Number(id.slice(at + 1))] = number;
      idsInOrder.set(id.slice(0, at), ofObject);
    }
  }
  for (const [name, count] of times) expect(count, `times of ${name}`).toBe(1);
  for (const { name, rows, tag } of versions) {
    const found = idsInOrder.get(`pull/items/${name}@${tag}`) ?? [];
    // Whatever landed of a version are its first rows, at their numbers.
    expect(found).toEqual(rows.slice(0, found.length).map(({ id }) => id));
  }
  for (const [name, { rows }] of present) {
    for (const { id, bad } of rows)
      expect(times.get(`${bad ? 'quarantine' : 'raw'}/${String(id)}`), `row ${String(id)} of ${name}`).toBe(
        1,
      );
  }
}

test('every row of every version that stays lands once, in order, whatever happens', async () => {
  await fc.assert(fc.asyncProperty(fc.nat(), play), { numRuns: 150, endOnFailure: true });
});
