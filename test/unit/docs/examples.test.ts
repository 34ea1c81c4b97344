import { expect, test } from 'vitest';
import orders from '../../../docs/examples/orders.config.ts';
import { compileSources } from '../../../shared/config/compile-sources.ts';
import { compileValidators } from '../../../shared/config/compile-validators.ts';

test('the configuration and the request that the README shows work together', () => {
  const source = compileSources(orders, compileValidators(orders)).get('orders');
  const record = Buffer.from('{"id":"A-1","placedAt":"2026-05-04T10:00:00Z","amount":12.5}');
  expect(source?.check(record, 0)).toMatchObject({
    status: 'accepted',
    record: { eventTimeMs: Date.UTC(2026, 4, 4, 10) },
  });
});
