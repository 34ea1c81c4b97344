import { describe, expect, test } from 'vitest';
import { splitJson, splitLines, splitRecords } from '../../../shared/domain/json-records.ts';
import { RejectedError } from '../../../shared/domain/errors.ts';

const texts = (slices: readonly Uint8Array[]): string[] =>
  slices.map((slice) => Buffer.from(slice).toString());

describe('records of a text that does not say what it is', () => {
  test.each([
    ['an object', ' {"a":1} ', ['{"a":1}']],
    ['an object over several lines', '{\n "a": 1\n}\n', ['{\n "a": 1\n}']],
    ['an array', '[{"a":1}, {"b":2}]', ['{"a":1}', '{"b":2}']],
    ['lines', '{"a":1}\r\n\r\n{"b":2}', ['{"a":1}', '{"b":2}']],
    ['one line', '{"a":1}\n', ['{"a":1}']],
    ['a byte order mark', '\ufeff{"a":1}', ['{"a":1}']],
    ['two objects in one line', '{"a":1}{"b":2}', ['{"a":1}{"b":2}']],
    ['a broken array', '[{"a":1}', ['[{"a":1}']],
    ['a broken line among good ones', '{"a":1}\n{"b":\n{"c":3}', ['{"a":1}', '{"b":', '{"c":3}']],
    ['anything else', ' hello ', ['hello']],
    ['nothing', ' \n\t', []],
  ])('%s', (_name, text, records) => {
    expect(texts(splitRecords(Buffer.from(text)))).toEqual(records);
  });
});

test('slices are views of the original bytes, not copies', () => {
  const body = Buffer.from('[{"a":1},{"b":2}]');
  for (const slice of splitJson(body)) expect(slice.buffer).toBe(body.buffer);
  for (const slice of splitLines(body)) expect(slice.buffer).toBe(body.buffer);
});

test('quotes and brackets inside of texts are no structure', () => {
  const record = '{"a":"]},{\\"\\\\","b":["x]"]}';
  expect(texts(splitJson(Buffer.from(`[${record},${record}]`)))).toEqual([record, record]);
});

test('elements may be anything: what they are is for the check to say', () => {
  expect(texts(splitJson(Buffer.from('[1, "a,b" ,null,[2],{}]')))).toEqual([
    '1',
    '"a,b"',
    'null',
    '[2]',
    '{}',
  ]);
});

test('splitting stops at the limit', () => {
  const isTooMany = (error: unknown): boolean =>
    error instanceof RejectedError && error.code === 'TOO_MANY_RECORDS';
  for (const split of [
    () => splitJson(Buffer.from('[1,2,3]'), 2),
    () => splitLines(Buffer.from('1\n2\n3'), 2),
  ]) {
    expect(split).toThrow(expect.toSatisfy(isTooMany));
  }
  expect(splitJson(Buffer.from('[1,2]'), 2)).toHaveLength(2);
  expect(splitLines(Buffer.from('1\n\n2\n'), 2)).toHaveLength(2);
});
