import { expect, test } from 'vitest';
import { extraOf } from '../../../shared/domain/extra-of.ts';
import { toContract } from '../../../shared/domain/to-contract.ts';

const contract = toContract({
  type: 'object',
  properties: {
    id: { type: 'string' },
    o: { type: ['object', 'null'], properties: { k: { type: 'string' } } },
    list: { type: 'array', items: { type: 'object', properties: { k: { type: 'string' } } } },
    open: {},
  },
});

test.each([
  [{ id: 'a', o: { k: 'x' }, list: [{ k: 'y' }, {}], open: { any: 1 } }, undefined],
  [{ id: 'a', o: null, list: [] }, undefined],
  [{ id: 'a', new: null }, { new: null }],
  [{ id: 'a', o: { k: 'x', new: 1 } }, { o: { new: 1 } }],
  [{ list: [{ k: 'x' }, { k: 'y', new: [1] }] }, { list: { 1: { new: [1] } } }],
  [
    { ID: 'a', constructor: 1 },
    { ID: 'a', constructor: 1 },
  ],
])('%j has the extra %j', (value, extra) => {
  expect(extraOf(contract, value)).toEqual(extra);
});
