import { randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { ObjectGoneError, type ObjectSource, type ObjectVersion } from '../../shared/ports/object-source.ts';

/** An object source and who writes into it. */
export interface ObjectSourceSubject {
  /** Objects under a place that nothing was written to. */
  open(place: string): ObjectSource | Promise<ObjectSource>;
  put(place: string, name: string, bytes: Uint8Array): Promise<void>;
  remove(place: string, name: string): Promise<void>;
}

const FAR = Date.UTC(2100, 0, 1);

async function listAll(objects: ObjectSource, after = ''): Promise<ObjectVersion[]> {
  const all: ObjectVersion[] = [];
  for (let last = after; ;) {
    const page = await objects.list(last, FAR);
    all.push(...page.objects);
    if (page.isLast) return all;
    last = page.last;
  }
}

async function readAll(objects: ObjectSource, object: ObjectVersion, offset = 0): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of objects.open(object, offset, FAR)) chunks.push(Uint8Array.from(chunk));
  return Buffer.concat(chunks);
}

/** What reading objects relies on, wherever they are. */
export function objectSourceContract(subject: ObjectSourceSubject): void {
  describe('object source', () => {
    test('everything is listed in the order of its name as bytes, from any name on', async () => {
      const place = randomUUID();
      const names = ['b', 'a/c', 'a.b', 'ä', 'z/🎉', 'z/ｚ', 'a b+c%20&?=', 'a/b/c/d.csv'];
      for (const name of names) await subject.put(place, name, Buffer.from(name));
      const objects = await subject.open(place);
      const sorted = names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      const all = await listAll(objects);
      expect(all.map(({ name }) => name)).toEqual(sorted);
      expect(all.map(({ bytes }) => bytes)).toEqual(sorted.map((name) => Buffer.byteLength(name)));
      expect((await listAll(objects, 'a/b')).map(({ name }) => name)).toEqual(
        sorted.filter((name) => Buffer.compare(Buffer.from(name), Buffer.from('a/b')) > 0),
      );
      for (const object of all) expect((await readAll(objects, object)).toString()).toBe(object.name);
    });

    test('nothing is there: nothing is listed', async () => {
      const place = randomUUID();
      await subject.put(place, 'x', Buffer.from('x'));
      await subject.remove(place, 'x');
      expect(await listAll(await subject.open(place))).toEqual([]);
    });

    test('bytes are exact from any place on, to the end and behind it', async () => {
      const place = randomUUID();
      const bytes = randomBytes(300_001);
      await subject.put(place, 'x', bytes);
      const objects = await subject.open(place);
      const [object] = await listAll(objects);
      if (object === undefined) throw new Error('x is listed');
      for (const offset of [0, 1, 65_536, 300_000, 300_001])
        expect((await readAll(objects, object, offset)).equals(bytes.subarray(offset))).toBe(true);
    });

    test('an empty object has no bytes', async () => {
      const place = randomUUID();
      await subject.put(place, 'x', Buffer.alloc(0));
      const objects = await subject.open(place);
      const [object] = await listAll(objects);
      expect(object).toMatchObject({ name: 'x', bytes: 0 });
      if (object !== undefined) expect(await readAll(objects, object)).toHaveLength(0);
    });

    test('another content is another version, and the former one is gone', async () => {
      const place = randomUUID();
      await subject.put(place, 'x', Buffer.from('one'));
      const objects = await subject.open(place);
      const [before] = await listAll(objects);
      await subject.put(place, 'x', Buffer.from('two'));
      const [after] = await listAll(objects);
      if (before === undefined || after === undefined) throw new Error('x is listed');
      expect(after.tag).not.toBe(before.tag);
      expect((await readAll(objects, after)).toString()).toBe('two');
      await expect(readAll(objects, before)).rejects.toThrow(ObjectGoneError);
      await subject.remove(place, 'x');
      await expect(readAll(objects, after)).rejects.toThrow(ObjectGoneError);
    });

    test('whoever stops in the middle may begin again', async () => {
      const place = randomUUID();
      const bytes = randomBytes(400_000);
      await subject.put(place, 'x', bytes);
      const objects = await subject.open(place);
      const [object] = await listAll(objects);
      if (object === undefined) throw new Error('x is listed');
      for await (const chunk of objects.open(object, 0, FAR)) if (chunk.length > 0) break;
      expect((await readAll(objects, object)).equals(bytes)).toBe(true);
    });
  });
}
