import { randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Lake, LakeObject, ObjectKind } from '../../shared/ports/lake.ts';
import type { Subject } from './subject.ts';

const WRITERS = 12;

/** A lake, and what really stands in it. */
export interface LakeSubject extends Subject<Lake> {
  peek(key: string): Promise<LakeObject | undefined>;
}

/** What the engine relies on, whatever the lake is made of. */
export function lakeContract(subject: LakeSubject): void {
  describe('lake', () => {
    test('a key where nothing was put has no kind', async () => {
      const lake = await subject.open();
      expect(await lake.kindOf(newKey())).toBeUndefined();
    });

    test.each(['data', 'tombstone'] as const)(
      'a %s object is created once and read back exactly',
      async (kind) => {
        const lake = await subject.open();
        const key = newKey();
        const object = objectOf(kind);
        expect(await lake.putIfAbsent(key, object)).toBe('created');
        expect(await lake.kindOf(key)).toBe(kind);
        expect(await lake.putIfAbsent(key, objectOf('data'))).toBe('exists');
        expect(await lake.putIfAbsent(key, objectOf('tombstone'))).toBe('exists');
        expect(await lake.kindOf(key)).toBe(kind);
        expect(plain(await subject.peek(key))).toEqual(plain(object));
      },
    );

    test('an object of several megabytes is read back exactly', async () => {
      const lake = await subject.open();
      const key = newKey();
      const object = { ...objectOf('data'), bytes: randomBytes(6_000_000) };
      expect(await lake.putIfAbsent(key, object)).toBe('created');
      expect(plain(await subject.peek(key))).toEqual(plain(object));
    });

    test('of many simultaneous writers exactly one creates the object, and its bytes stand', async () => {
      const lake = await subject.open();
      const key = newKey();
      const objects = Array.from({ length: WRITERS }, (_, i) => objectOf(i % 2 === 0 ? 'data' : 'tombstone'));
      const results = await Promise.all(objects.map((object) => lake.putIfAbsent(key, object)));
      expect(results.filter((result) => result === 'created')).toHaveLength(1);
      expect(plain(await subject.peek(key))).toEqual(plain(objects[results.indexOf('created')]));
    });

    test('overwriting replaces data by a tombstone, and the key stays taken', async () => {
      const lake = await subject.open();
      const key = newKey();
      await lake.putIfAbsent(key, objectOf('data'));
      const tombstone = objectOf('tombstone');
      await lake.overwrite(key, tombstone);
      expect(await lake.kindOf(key)).toBe('tombstone');
      expect(await lake.putIfAbsent(key, objectOf('data'))).toBe('exists');
      expect(plain(await subject.peek(key))).toEqual(plain(tombstone));
    });

    test('overwriting a free key creates the object', async () => {
      const lake = await subject.open();
      const key = newKey();
      await lake.overwrite(key, objectOf('tombstone'));
      expect(await lake.kindOf(key)).toBe('tombstone');
    });

    test('after a lost answer the object stands, and its kind tells whose it is', async () => {
      const lake = await subject.openLosingAnswers();
      const key = newKey();
      const object = objectOf('data');
      expect(await lake.putIfAbsent(key, object)).toBe('exists');
      expect(await lake.kindOf(key)).toBe('data');
      expect(plain(await subject.peek(key))).toEqual(plain(object));
      await lake.overwrite(key, objectOf('tombstone'));
      expect(await lake.kindOf(key)).toBe('tombstone');
    });

    test('what was put does not change when the caller uses its buffer again', async () => {
      const lake = await subject.open();
      const key = newKey();
      const object = objectOf('data');
      const before = plain(object);
      await lake.putIfAbsent(key, object);
      object.bytes.fill(0);
      expect(plain(await subject.peek(key))).toEqual(before);
    });
  });
}

function newKey(): string {
  return `raw/orders/dt=2024-01-01/hour=03/${randomUUID()}-v1.parquet`;
}

function objectOf(kind: ObjectKind): LakeObject {
  return {
    kind,
    lane: 'replay/quarantine/orders/reason=CONTRACT/x',
    bytes: randomBytes(200),
    rows: kind === 'data' ? 17 : 0,
    writtenAtMs: 1_704_067_200_123,
  };
}

function plain(object: LakeObject | undefined): unknown {
  return object && { ...object, bytes: Buffer.from(object.bytes).toString('base64') };
}
