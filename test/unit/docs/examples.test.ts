import { expect, test } from 'vitest';
import events from '../../../docs/examples/events.config.ts';
import orders from '../../../docs/examples/orders.config.ts';
import tables from '../../../docs/examples/tables.config.ts';
import { checkCloudEvent, toCloudEvent } from '../../../lambdas/push/cloud-events.ts';
import { compileSources } from '../../../shared/config/compile-sources.ts';
import { compileValidators } from '../../../shared/config/compile-validators.ts';
import { loadConfig } from '../../../shared/config/load-config.ts';

test('the configuration and the request that the README shows work together', () => {
  const source = compileSources(orders, compileValidators(orders)).get('orders');
  const record = Buffer.from('{"id":"A-1","placedAt":"2026-05-04T10:00:00Z","amount":12.5}');
  expect(source?.check(record, 0)).toMatchObject({
    status: 'accepted',
    record: { eventTimeMs: Date.UTC(2026, 4, 4, 10) },
  });
});

test('every example is loaded as it is written, and whoever is handed it again fills nothing in twice', async () => {
  for (const [name, config] of Object.entries({ orders, events, tables })) {
    expect(await loadConfig(`docs/examples/${name}.config.ts`), name).toBe(config);
  }
  expect(tables.sources['stock']).toMatchObject({ type: 'files', dedupe: 'none' });
});

test('the configuration for CloudEvents fits what the push API makes of one', () => {
  const source = compileSources(events, compileValidators(events)).get('events');
  const headers = {
    'ce-specversion': '1.0',
    'ce-id': 'A-1',
    'ce-source': '/shop/eu',
    'ce-type': 'com.example.order.placed',
    'ce-time': '2026-05-04T10:00:00Z',
    'content-type': 'application/json',
  };
  const event = toCloudEvent(headers, Buffer.from('{"orderId":"A-1","amount":12.5}'));
  expect(checkCloudEvent(event)).toEqual([]);
  expect(source?.check(event, 0)).toMatchObject({
    status: 'accepted',
    id: '/shop/eu/A-1',
    record: { eventTimeMs: Date.UTC(2026, 4, 4, 10) },
  });
});
