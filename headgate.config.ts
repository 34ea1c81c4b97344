import { defineConfig } from './shared/config/define-config.ts';

/*
 * What Headgate ingests: one object per source. `npx headgate validate` checks this file, `npx cdk deploy --all`
 * deploys it, `npm start` runs it on this machine. Everything that is not said here has a default, which is documented
 * beside each field in shared/config/schema.ts.
 */
export default defineConfig({
  // Prefix of every resource. A second deployment in the same account needs another name.
  name: 'headgate',

  // Who is told when an alarm fires. The address gets a message that asks for confirmation.
  // notify: { email: 'data-team@example.com' },

  // The stream that all pushed sources share. A shard takes 1 MB of compressed frames per second.
  ingest: { shards: 1, retention: '7 days' },

  sources: {
    /*
     * Applications push records with
     *   POST /v1/sources/earthquakes/records     Authorization: Bearer <write key>
     * `npx headgate keys create earthquakes` makes the key.
     */
    earthquakes: {
      type: 'push',
      description: 'Features of the USGS earthquake feed (GeoJSON), as they are reported and updated.',
      freshness: '30 seconds',
      volume: { recordsPerSecond: 1, recordBytes: 800 },
      // A feature is sent again when it is updated: id and update time together are one record.
      key: ['id', 'properties.updated'],
      // The time of the earthquake decides the partition; the feed counts milliseconds.
      eventTime: { path: 'properties.time', format: 'epoch-milliseconds' },
      partition: 'day',
      contract: {
        // Fields that are not named here are kept in the column `_extra`; see `columns` for the other choices.
        schema: {
          type: 'object',
          required: ['id', 'properties', 'geometry'],
          properties: {
            id: { type: 'string', minLength: 1 },
            type: { const: 'Feature', type: 'string' },
            properties: {
              type: 'object',
              required: ['time', 'updated'],
              properties: {
                mag: { type: ['number', 'null'] },
                place: { type: ['string', 'null'] },
                time: { type: 'integer' },
                updated: { type: 'integer' },
                status: { type: 'string' },
                tsunami: { type: 'integer' },
                sig: { type: 'integer' },
                net: { type: 'string' },
                code: { type: 'string' },
                magType: { type: ['string', 'null'] },
                type: { type: 'string' },
                title: { type: 'string' },
              },
            },
            geometry: {
              type: 'object',
              required: ['type', 'coordinates'],
              properties: {
                type: { const: 'Point', type: 'string' },
                coordinates: { type: 'array', items: { type: 'number' }, minItems: 2, maxItems: 3 },
              },
            },
          },
        },
      },
      limits: { requestsPerSecond: 100 },
    },

    /*
     * Headgate reads an HTTP API as often as the freshness asks. Where it is and what it wants as a header stand in
     * SSM parameters, so that neither is in this file or in the template:
     *   aws ssm put-parameter --type String       --name /headgate/orders/url --value https://shop.example.com/api/orders
     *   aws ssm put-parameter --type SecureString --name /headgate/orders/authorization --value 'Bearer …'
     * Until they are set, runs fail with a message that says so.
     */
    orders: {
      type: 'http',
      description: 'Orders of the shop, read from its API in the order of their last change.',
      freshness: '15 minutes',
      volume: { gbPerDay: 0.5 },
      changes: 'upserts',
      url: { parameter: '/headgate/orders/url' },
      headers: { authorization: { parameter: '/headgate/orders/authorization' } },
      // The answer is { "orders": [...], "next": "<cursor>" }; ?cursor=<cursor> gets the next page.
      recordsPath: 'orders',
      paginator: { type: 'cursor', parameter: 'cursor', path: 'next' },
      // ?updated_since=<time> gets what is new; the last ten minutes are read again and deduplicated.
      incremental: {
        cursor: 'updatedAt',
        parameter: 'updated_since',
        initialValue: '2024-01-01T00:00:00Z',
        lookback: '10 minutes',
      },
      key: ['orderId', 'updatedAt'],
      eventTime: { path: 'updatedAt' },
      partition: 'day',
      contract: {
        schema: {
          type: 'object',
          required: ['orderId', 'updatedAt', 'status'],
          properties: {
            orderId: { type: 'string', minLength: 1 },
            updatedAt: { type: 'string', format: 'date-time' },
            status: { type: 'string', enum: ['open', 'paid', 'shipped', 'cancelled'] },
            customerId: { type: 'string' },
            totalCents: { type: 'integer', minimum: 0 },
            currency: { type: 'string', pattern: '^[A-Z]{3}$' },
            items: {
              type: 'array',
              items: {
                type: 'object',
                properties: { sku: { type: 'string' }, quantity: { type: 'integer', minimum: 1 } },
              },
            },
          },
        },
      },
      alarms: { maxLatency: '30 minutes' },
    },
  },
});
