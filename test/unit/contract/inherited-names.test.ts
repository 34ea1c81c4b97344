import { describe, expect, test } from 'vitest';
import { compileSources } from '../../../shared/config/compile-sources.ts';
import { compileValidators } from '../../../shared/config/compile-validators.ts';
import { parseConfig } from '../../../shared/config/define-config.ts';

const NAMES = ['toString', 'constructor', 'valueOf', 'hasOwnProperty'];

describe('a contract with names that every JavaScript object inherits', () => {
  const config = parseConfig({
    sources: {
      a: {
        type: 'push',
        freshness: '1 minute',
        volume: { gbPerDay: 1 },
        contract: {
          schema: {
            type: 'object',
            required: ['id', 'valueOf'],
            properties: {
              id: { type: 'string' },
              ...Object.fromEntries(NAMES.map((name) => [name, { type: 'string' }])),
            },
          },
        },
        key: ['id'],
      },
    },
  });
  const source = compileSources(config, compileValidators(config)).get('a');

  test('does not take the inherited ones for fields of a record', () => {
    const record = Buffer.from('{"id":"1","valueOf":"x"}');
    expect(source?.check(record, 0)).toMatchObject({ status: 'accepted', violations: [] });
  });

  test('misses a required one that the record does not have', () => {
    const checked = source?.check(Buffer.from('{"id":"1"}'), 0);
    expect(checked).toMatchObject({ status: 'quarantined', violations: [{ rule: 'required' }] });
  });
});
