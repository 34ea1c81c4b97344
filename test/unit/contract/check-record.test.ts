import { describe, expect, test } from 'vitest';
import { RecordFlag } from '../../../shared/domain/frame.ts';
import type { CheckedRecord } from '../../../shared/domain/source.ts';
import { declareSource } from '../../support/declare-source.ts';

const RECEIVED_AT_MS = Date.UTC(2026, 2, 1);
const schema = {
  type: 'object',
  properties: {
    id: { type: 'string' },
    n: { type: 'number' },
    i: { type: 'integer' },
    big: { type: 'integer', format: 'int64' },
    bigs: { type: 'array', items: { type: 'integer', format: 'int64' } },
    at: { type: 'string', format: 'date-time' },
    day: { type: 'string', format: 'date' },
    uuid: { type: 'string', format: 'uuid' },
    color: { enum: ['red', 'green'] },
    o: { type: 'object', properties: { k: { type: 'string' } } },
    list: { type: 'array', items: { type: 'object', properties: { k: { type: 'string' } } } },
    open: {},
  },
};
const source = declareSource(schema);

function check(text: string, of = source): CheckedRecord {
  return of.check(Buffer.from(text), RECEIVED_AT_MS);
}

function rulesOf(text: string, of = source): string[] {
  return check(text, of).violations.map(({ field, rule }) => `${field}:${rule}`);
}

describe('what JSON.parse would lose is a violation', () => {
  test.each([
    ['{"id":"a","i":9007199254740992}', 'i:precision'],
    ['{"id":"a","i":-9007199254740993}', 'i:precision'],
    ['{"id":"a","i":1e20}', 'i:precision'],
    ['{"id":"a","n":9007199254740993}', 'n:precision'],
    ['{"id":"a","n":1e400}', 'n:precision'],
    ['{"id":"a","n":-1e999}', 'n:precision'],
    ['{"id":"a","n":0.1000000000000000055}', 'n:precision'],
    ['{"id":"a","n":1.0000000000000000000000001}', 'n:precision'],
    ['{"id":"a","n":123456789.0123456789}', 'n:precision'],
    [`{"id":"a","n":${'1'.repeat(100_000)}}`, 'n:precision'],
    ['{"id":"a","open":{"x":[9007199254740993]}}', 'open.x.0:precision'],
    ['{"id":"a","unknown":9007199254740993}', 'unknown:precision'],
    ['{"id":"a","big":9223372036854775808}', 'big:precision'],
    ['{"id":"a","big":-9223372036854775809}', 'big:precision'],
    ['{"id":"a","big":9.3e18}', 'big:precision'],
    ['{"id":"a","bigs":[1,9223372036854775808]}', 'bigs.1:precision'],
    ['{"id":"a","id":"a"}', 'id:duplicate-key'],
    ['{"id":"a","o":{"k":"x","k":"y"}}', 'o.k:duplicate-key'],
    ['{"id" :"a","id" :"b"}', 'id:duplicate-key'],
    ['{"id" :"a","n":1,"n":2}', 'n:duplicate-key'],
    ['{"id":"a","\\u0069d":"b"}', 'id:duplicate-key'],
    ['{"id":"a","o":{"k":"\\ud800"}}', 'o.k:surrogate'],
    ['{"id":"\\udc00\\ud800"}', 'id:surrogate'],
    ['{"id":"a","\\ud800":1}', '\ufffd:surrogate'],
    ['{"id":"a","__proto__":{"admin":true}}', ':proto'],
    ['{"id":"a","o":{"\\u005f_proto__":1}}', ':proto'],
    ['{"id":"a","open":{"x":[{"__proto__":null}]}}', ':proto'],
  ])('%.60s is %s', (text, rule) => {
    const checked = check(text);
    expect(checked.status).toBe('quarantined');
    expect(checked.violations.map((v) => `${v.field}:${v.rule}`)).toContain(rule);
  });

  test.each([
    '{"id":"a","i":9007199254740991,"n":-9007199254740991}',
    '{"id":"a","n":1e20}',
    '{"id":"a","n":0.1148056590463966}',
    '{"id":"a","n":0.00000000000000000000000000001234567890123456}',
    '{"id":"a","n":1.50000000000000000000000000}',
    '{"id":"a","n":-0,"i":1.0}',
    '{"id":"a","i":1e3}',
    '{"id":"a","big":9223372036854775807,"bigs":[-9223372036854775808,5]}',
    '{"id":"\\ud83d\\ude00 😀 \\u0000"}',
    '{"id":"12345678901234567890: \\": 1.2.3.4"}',
    '{"id" : "a : b" , "o" : {}}',
    '{"id":"a","o":null}'.replace('null', '{"k":""}'),
    '{"id":"a","constructor":1,"toString":2,"hasOwnProperty":3}',
  ])('%.60s is accepted', (text) => {
    expect(check(text)).toMatchObject({ status: 'accepted', violations: [] });
  });

  test('depth is counted from the record: 64 levels pass, 65 do not, and a million do no harm', () => {
    const nested = (levels: number): string =>
      `{"id":"a","open":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`;
    expect(check(nested(64)).status).toBe('accepted');
    for (const levels of [65, 1000, 500_000]) expect(rulesOf(nested(levels))).toEqual([':depth']);
  });
});

describe('not a record at all', () => {
  test.each([
    ['{"id":', 'json'],
    ['', 'json'],
    ['{"id":"a"} x', 'json'],
    ['[]', 'type'],
    ['null', 'type'],
    ['5', 'type'],
  ])('%j is rejected by the rule %s', (text, rule) => {
    expect(check(text)).toMatchObject({ status: 'rejected', violations: [{ field: '', rule }] });
  });

  test('invalid UTF-8 is rejected, the replacement character itself is not', () => {
    const checked = source.check(Buffer.from('{"id":"\xe9"}', 'latin1'), 0);
    expect(checked).toMatchObject({ status: 'rejected', violations: [{ rule: 'utf8' }] });
    expect(check('{"id":"\ufffd"}').status).toBe('accepted');
  });

  test('bytes in the middle of a larger buffer are read, and nothing around them', () => {
    const around = new Uint8Array(Buffer.from('xx{"id":"a"}yy'));
    expect(source.check(around.subarray(2, -2), 0)).toMatchObject({ status: 'accepted', id: 'a' });
  });
});

describe('the contract', () => {
  test.each([
    ['{"id":5}', { field: 'id', rule: 'type', message: '"id" must be of type string, and is a number' }],
    [
      '{"id":"a","o":{"k":null}}',
      { field: 'o.k', rule: 'type', message: '"o.k" must be of type string, and is null' },
    ],
    [
      '{"id":"a","list":[{},{"k":[]}]}',
      { field: 'list.1.k', rule: 'type', message: '"list.1.k" must be of type string, and is an array' },
    ],
    [
      '{"id":"a","i":1.5}',
      { field: 'i', rule: 'type', message: '"i" must be of type integer, and is a number' },
    ],
    [
      '{"id":"a","color":"blue"}',
      { field: 'color', rule: 'enum', message: '"color" must be one of "red", "green"' },
    ],
  ])('%s', (text, violation) => {
    expect(check(text).violations).toEqual([violation]);
  });

  test.each([
    ['at', '2026-02-30T00:00:00Z'],
    ['at', '2025-02-29T00:00:00Z'],
    ['at', '1900-02-29T00:00:00Z'],
    ['at', '2026-04-31T00:00:00Z'],
    ['at', '2026-01-01T24:00:00Z'],
    ['at', '2026-01-01T00:00:60Z'],
    ['at', '2026-01-01T00:00:00'],
    ['at', '2026-01-01 00:00:00Z'],
    ['at', '2026-01-01t00:00:00z'],
    ['at', '2026-01-01T00:00:00.1234567Z'],
    ['at', '2026-01-01T00:00:00.Z'],
    ['at', '2026-01-01T00:00:00+15:00'],
    ['at', '0000-01-01T00:00:00Z'],
    ['at', '0001-01-01T00:00:00+01:00'],
    ['at', '9999-12-31T23:59:59-00:01'],
    ['at', '12026-01-01T00:00:00Z'],
    ['day', '2026-13-01'],
    ['day', '2026-02-29'],
    ['day', '0000-01-01'],
    ['day', '2026-1-1'],
    ['uuid', '550e8400e29b41d4a716446655440000'],
    ['uuid', '{550e8400-e29b-41d4-a716-446655440000}'],
  ])('%s does not take %s', (field, text) => {
    expect(rulesOf(JSON.stringify({ id: 'a', [field]: text }))).toEqual([`${field}:format`]);
  });

  test.each([
    ['at', '2024-02-29T23:59:59.123456+05:30'],
    ['at', '2000-02-29T00:00:00.120000000-14:59'],
    ['at', '0001-01-01T00:00:00Z'],
    ['at', '9999-12-31T23:59:59.999999Z'],
    ['day', '2024-02-29'],
    ['uuid', '550E8400-e29b-41d4-a716-446655440000'],
  ])('%s takes %s', (field, text) => {
    expect(check(JSON.stringify({ id: 'a', [field]: text })).status).toBe('accepted');
  });

  test('messages never repeat a value, and names of the sender are cut and escaped', () => {
    const secret = 'correct-horse-battery-staple';
    const texts = [
      JSON.stringify({ id: 'a', i: secret, n: secret, at: secret, color: secret, o: secret }),
      JSON.stringify({ id: { [secret]: secret } }),
      `{"id":"a","n":1${'0'.repeat(30)}5}`,
    ];
    for (const text of texts) expect(JSON.stringify(check(text).violations)).not.toContain(secret);
    const long = check(`{"id":"a","${'\\n'.repeat(500)}":1e999}`).violations[0];
    expect(long?.field).toMatch(/^(\\u000a)+…$/);
    expect(long?.field.length).toBeLessThan(1300);
  });
});

describe('fields that the contract does not name', () => {
  const extra = '{"id":"a","new":1}';
  const nested = '{"id":"a","list":[{"k":"x"},{"k":"y","new":1}]}';

  test('evolve accepts and flags them, at any depth; open fields are no extras', () => {
    for (const text of [extra, nested, '{"id":"a","o":{"new":1}}']) {
      expect(check(text)).toMatchObject({ status: 'accepted', record: { flag: RecordFlag.extra } });
    }
    for (const text of ['{"id":"a"}', '{"id":"a","open":{"new":1}}']) {
      expect(check(text)).toMatchObject({ status: 'accepted', record: { flag: RecordFlag.valid } });
    }
  });

  test('quarantine and freeze name the field', () => {
    const quarantine = declareSource(schema, { columns: 'quarantine' });
    const freeze = declareSource(schema, { columns: 'freeze' });
    for (const [of, status] of [
      [quarantine, 'quarantined'],
      [freeze, 'rejected'],
    ] as const) {
      expect(check(extra, of)).toMatchObject({
        status,
        violations: [{ field: 'new', rule: 'unknown-field' }],
      });
      expect(check(nested, of)).toMatchObject({
        status,
        violations: [{ field: 'list.1.new', rule: 'unknown-field' }],
      });
    }
  });

  test('a wrong type is judged by dataTypes, an unknown field by columns', () => {
    const mixed = declareSource(schema, { columns: 'freeze', dataTypes: 'quarantine' });
    expect(check('{"id":"a","i":"x"}', mixed).status).toBe('quarantined');
    expect(check('{"id":"a","i":"x","new":1}', mixed).status).toBe('quarantined');
    expect(check(extra, mixed).status).toBe('rejected');
    expect(check('{"id":5}', declareSource(schema, { dataTypes: 'freeze' })).status).toBe('rejected');
  });
});

describe('key and event time', () => {
  const fingerprintOf = (text: string, of = source): string => {
    const checked = check(text, of);
    if (checked.status === 'rejected') throw new Error('rejected');
    return Buffer.from(checked.record.fingerprint).toString('hex');
  };

  test('the key is taken from its fields only', () => {
    expect(fingerprintOf('{"id":"a","n":1}')).toBe(fingerprintOf('{ "n": 2, "id": "\\u0061" }'));
    expect(fingerprintOf('{"id":"a"}')).not.toBe(fingerprintOf('{"id":"b"}'));
  });

  test('neighbouring 64-bit keys are different keys, written one way they are one', () => {
    const byBig = declareSource(schema, { key: ['big'] });
    const keys = ['9007199254740992', '9007199254740993', '9007199254740994'].map((big) =>
      fingerprintOf(`{"big":${big}}`, byBig),
    );
    expect(new Set(keys).size).toBe(3);
    expect(check('{"big":9007199254740993}', byBig).id).toBe('9007199254740993');
    expect(fingerprintOf('{"big":5}', byBig)).toBe(fingerprintOf('{"big":5.0}', byBig));
  });

  test('a name with a dot is not taken for a path', () => {
    const dotted = declareSource(
      {
        type: 'object',
        properties: {
          'a.b': { type: 'integer', format: 'int64' },
          a: { type: 'object', properties: { b: { type: 'integer', format: 'int64' } } },
        },
      },
      { key: ['a.b'] },
    );
    expect(check('{"a":{"b":9007199254740993},"a.b":9007199254740995}', dotted).id).toBe('9007199254740993');
  });

  test('a record without any field of its key is a violation; with one of them it is not', () => {
    const composite = declareSource(schema, { key: ['id', 'o.k'] });
    for (const text of ['{}', '{"o":{}}']) expect(rulesOf(text, composite)).toEqual(['id:key']);
    expect(check('{"o":{"k":"x"}}', composite)).toMatchObject({ status: 'accepted', id: undefined });
    expect(check('{"id":"a","o":{"k":"x"}}', composite)).toMatchObject({ status: 'accepted', id: 'a/x' });
  });

  test('a violation claims no key', () => {
    expect(fingerprintOf('{"id":"a","i":"x"}')).toBe('0'.repeat(32));
  });

  const timeOf = (text: string, of = source): number => {
    const checked = check(text, of);
    return checked.status === 'accepted' ? checked.record.eventTimeMs : Number.NaN;
  };

  test('event times are read in each format; without one the time of receipt is used', () => {
    const iso = declareSource(schema, { eventTime: { path: 'at' } });
    const day = declareSource(schema, { eventTime: { path: 'day' } });
    const ms = declareSource(schema, { eventTime: { path: 'i', format: 'epoch-milliseconds' } });
    const seconds = declareSource(schema, { eventTime: { path: 'n', format: 'epoch-seconds' } });
    expect(timeOf('{"id":"a","at":"2026-03-01T12:00:00.123999+02:00"}', iso)).toBe(
      Date.UTC(2026, 2, 1, 10, 0, 0, 123),
    );
    expect(timeOf('{"id":"a","at":"1969-12-31T23:59:59.9999Z"}', iso)).toBe(-1);
    expect(timeOf('{"id":"a","day":"2026-03-01"}', day)).toBe(Date.UTC(2026, 2, 1));
    expect(timeOf('{"id":"a","i":1772323200025}', ms)).toBe(1_772_323_200_025);
    expect(timeOf('{"id":"a","n":1772323200.5}', seconds)).toBe(1_772_323_200_500);
    expect(timeOf('{"id":"a"}')).toBe(RECEIVED_AT_MS);
  });

  test('a missing or wrong event time is a violation', () => {
    const iso = declareSource(
      { ...schema, properties: { ...schema.properties, at: { type: 'string' } } },
      { eventTime: { path: 'at' } },
    );
    const ms = declareSource(schema, { eventTime: { path: 'i', format: 'epoch-milliseconds' } });
    for (const text of [
      '{"id":"a"}',
      '{"id":"a","at":"yesterday"}',
      '{"id":"a","at":"2026-03-01T00:00:00"}',
    ]) {
      expect(rulesOf(text, iso)).toEqual(['at:event-time']);
    }
    expect(rulesOf('{"id":"a","i":9007199254740991}', ms)).toEqual(['i:event-time']);
  });
});
