import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { SOURCE_PROBLEMS } from '../../../shared/domain/checks/source-problems.ts';

const SHARED = join(import.meta.dirname, '../../../shared');
const TABLE = 'domain/checks/source-problems.ts';

/** Codes of sources by how they begin. Others are of the lake, of a deployment and of people's input. */
const OF_SOURCES = /^(DB|PULL|TOKEN|HTTP|SAMPLE|CHECK|PARAMETER)_/;
/** What begins like one of a source and is none. */
const OTHERS = new Set(['HTTP_METHOD']);

const literals = readdirSync(SHARED, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && name !== TABLE)
  .flatMap((name) => [
    ...readFileSync(join(SHARED, name), 'utf8').matchAll(/'([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)'/g),
  ])
  .map(([, code]) => code ?? '');

test('every code that a source may fail with is in the table', () => {
  const missing = literals.filter(
    (code) => OF_SOURCES.test(code) && !OTHERS.has(code) && !Object.hasOwn(SOURCE_PROBLEMS, code),
  );
  expect([...new Set(missing)]).toEqual([]);
});

test('every code of the table is in use', () => {
  expect(Object.keys(SOURCE_PROBLEMS).filter((code) => !literals.includes(code))).toEqual([]);
});
