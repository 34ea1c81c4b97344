import { randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { FileStage } from '../../shared/ports/file-stage.ts';
import type { Subject } from './subject.ts';

const newName = (): string => `pull/orders/extract-3/0/${randomUUID()}-0`;
const plain = (bytes: Uint8Array | undefined): string | undefined =>
  bytes && Buffer.from(bytes).toString('hex');

/** What extracts rely on, whatever the stage is made of. */
export function fileStageContract(subject: Subject<FileStage>): void {
  describe('file stage', () => {
    test('a file that nobody staged is not there', async () => {
      const stage = await subject.open();
      expect(await stage.read(newName())).toBeUndefined();
    });

    test('a file is what was put first, byte by byte, and never changes', async () => {
      const stage = await subject.open();
      const name = newName();
      const first = randomBytes(100_000);
      expect(await stage.put(name, first)).toBe('created');
      expect(await stage.put(name, randomBytes(10))).toBe('exists');
      expect(plain(await stage.read(name))).toBe(plain(first));
    });

    test('a file without any bytes is a file', async () => {
      const stage = await subject.open();
      const name = newName();
      await stage.put(name, new Uint8Array());
      expect(await stage.read(name)).toHaveLength(0);
    });

    test('after a lost answer the file is there, whatever the repetition says', async () => {
      const stage = await subject.openLosingAnswers();
      const name = newName();
      const bytes = randomBytes(20);
      await stage.put(name, bytes);
      expect(plain(await stage.read(name))).toBe(plain(bytes));
    });
  });
}
