import { expect, test } from 'vitest';
import config from '../../../headgate.config.ts';
import { sampleRecord } from '../../../demo/sample-record.ts';

const NOW = new Date('2026-01-31T12:00:00Z');

test.each([
  ['a constant', { const: 7 }, 7],
  ['the first of several values', { enum: ['a', 'b'] }, 'a'],
  ['a time stamp', { type: 'string', format: 'date-time' }, '2026-01-31T12:00:00.000Z'],
  ['a date', { type: 'string', format: 'date' }, '2026-01-31'],
  ['text', { type: ['null', 'string'] }, 'example'],
  ['a number above its minimum', { type: 'number', minimum: 10 }, 10],
  [
    'as many elements as are needed',
    { type: 'array', minItems: 2, items: { type: 'boolean' } },
    [true, true],
  ],
  [
    'required fields, nested ones too, and times in milliseconds',
    {
      type: 'object',
      required: ['a'],
      properties: {
        a: { type: 'object', required: ['updated'], properties: { updated: { type: 'integer' } } },
        b: { type: 'string' },
      },
    },
    { a: { updated: NOW.getTime() } },
  ],
  ['all fields where none is required', { type: 'object', properties: { a: { type: 'integer' } } }, { a: 1 }],
])('makes up %s', (_, schema, record) => {
  expect(sampleRecord(schema, NOW)).toEqual(record);
});

test('makes up a record of the first source of the starter configuration', () => {
  expect(sampleRecord(config.sources['earthquakes']?.contract.schema ?? {}, NOW)).toMatchObject({
    id: 'example',
    properties: { time: NOW.getTime() },
    geometry: { type: 'Point', coordinates: [1.5, 1.5] },
  });
});
