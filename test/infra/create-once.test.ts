import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createOnce } from '../../infra/bundling/create-once.ts';

let parent = '';
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'headgate-once-'));
});
afterEach(() => {
  rmSync(parent, { recursive: true, force: true });
});

const fillWith = (text: string) => (folder: string) => {
  writeFileSync(join(folder, 'file'), text);
};
const contentOf = (path: string): string => readFileSync(join(path, 'file'), 'utf8');

describe('a folder that is created once', () => {
  test('is not filled again', () => {
    const path = join(parent, 'a');
    createOnce(path, fillWith('first'));
    createOnce(path, fillWith('second'));
    expect(contentOf(path)).toBe('first');
  });

  test('does not appear when filling it fails, and nothing is left of the attempt', () => {
    const path = join(parent, 'a');
    const fail = (folder: string): void => {
      writeFileSync(join(folder, 'half'), '');
      throw new Error('no network');
    };
    expect(() => {
      createOnce(path, fail);
    }).toThrow('no network');
    expect(readdirSync(parent)).toEqual([]);
  });

  test("of another process that was quicker is kept, and one's own is dropped", () => {
    const path = join(parent, 'a');
    createOnce(path, (folder) => {
      fillWith('mine')(folder);
      mkdirSync(path);
      fillWith('theirs')(path);
    });
    expect(contentOf(path)).toBe('theirs');
    expect(readdirSync(parent)).toEqual(['a']);
  });

  test('that nobody has asked for in a week is removed when another is created; one that is used stays', () => {
    const [old, used] = [join(parent, 'old'), join(parent, 'used')];
    const eightDaysAgo = new Date(Date.now() - 8 * 24 * 3_600_000);
    for (const path of [old, used]) {
      createOnce(path, fillWith(''));
      utimesSync(path, eightDaysAgo, eightDaysAgo);
    }
    createOnce(used, fillWith(''));
    createOnce(join(parent, 'new'), fillWith(''));
    expect(existsSync(old)).toBe(false);
    expect(readdirSync(parent).sort()).toEqual(['new', 'used']);
  });
});
