import { defineConfig } from '../shared/config/define-config.ts';

const airport = { type: 'string', pattern: '^[A-Z0-9]{3}$' };
const text = { type: ['string', 'null'] };
const number = { type: ['number', 'null'] };
const dollars = { type: ['integer', 'null'], minimum: 0 };

/** What `npm run demo` deploys, with real public data: a source that is streamed, one that is collected, one that is pulled. */
export default defineConfig({
  name: 'headgate-demo',
  ingest: { shards: 2 },
  sources: {
    earthquakes: {
      type: 'push',
      description: 'Earthquakes of one week: GeoJSON features of the USGS feed, nested.',
      freshness: '5 minutes',
      // By its price it would go through the stream, which is there for flights anyway.
      pattern: 'micro-batch',
      volume: { recordsPerSecond: 5, recordBytes: 710 },
      budget: { usdPerGb: 0.5 },
      key: ['id', 'properties.time'],
      eventTime: { path: 'properties.time', format: 'epoch-milliseconds' },
      partition: 'day',
      contract: {
        // Fields that are not named here (`url`, `detail`, `types`, …) are kept in the `_extra` column.
        schema: {
          type: 'object',
          required: ['id', 'properties', 'geometry'],
          properties: {
            id: { type: 'string', minLength: 1 },
            type: { const: 'Feature', type: 'string' },
            properties: {
              type: 'object',
              required: ['time', 'mag'],
              properties: {
                mag: number,
                magType: text,
                place: text,
                time: { type: 'integer', minimum: 0 },
                updated: { type: 'integer', minimum: 0 },
                felt: { type: ['integer', 'null'] },
                cdi: number,
                mmi: number,
                alert: { enum: ['green', 'yellow', 'orange', 'red', null], type: ['string', 'null'] },
                status: text,
                tsunami: { type: 'integer' },
                sig: { type: 'integer' },
                net: { type: 'string' },
                nst: { type: ['integer', 'null'] },
                dmin: number,
                rms: number,
                gap: number,
                type: { type: 'string' },
                title: { type: 'string' },
              },
            },
            geometry: {
              type: 'object',
              required: ['coordinates'],
              properties: {
                type: { type: 'string' },
                coordinates: { type: 'array', items: { type: 'number' }, minItems: 2, maxItems: 3 },
              },
            },
          },
        },
      },
      alarms: { stoppedAfter: '1 hour' },
    },

    flights: {
      type: 'push',
      description: 'Flights in the United States in January 2001.',
      freshness: '5 seconds',
      volume: { recordsPerSecond: 5000, recordBytes: 105 },
      budget: { usdPerGb: 0.5 },
      key: ['row', 'date'],
      eventTime: { path: 'date' },
      partition: 'day',
      contract: {
        schema: {
          type: 'object',
          required: ['row', 'date', 'delay', 'distance', 'origin', 'destination'],
          properties: {
            row: { type: 'integer', minimum: 1 },
            date: { type: 'string', format: 'date-time' },
            delay: { type: 'integer', description: 'Minutes; negative when the flight was early.' },
            distance: { type: 'integer', minimum: 0, description: 'Miles.' },
            origin: airport,
            destination: airport,
          },
        },
      },
    },

    birdstrikes: {
      type: 'http',
      description: 'Reports of aircraft that hit birds, pulled from an HTTP API page by page.',
      freshness: '1 minute',
      volume: { gbPerDay: 0.01 },
      budget: { usdPerGb: 0.5 },
      // Reports are few a day over many years, so they are filed by the day they arrive, not by their date.
      key: ['report'],
      partition: 'day',
      contract: {
        schema: {
          type: 'object',
          required: ['report', 'flight_date'],
          properties: {
            report: { type: 'integer' },
            flight_date: { type: 'string', format: 'date' },
            airport: text,
            aircraft: text,
            damage: text,
            operator: text,
            origin_state: text,
            phase: text,
            wildlife_size: text,
            species: text,
            time_of_day: text,
            cost_other_usd: dollars,
            cost_repair_usd: dollars,
            cost_total_usd: dollars,
            speed_knots: { type: ['integer', 'null'], minimum: 0 },
          },
        },
      },
      url: { parameter: '/headgate-demo/birdstrikes/url' },
      allowPrivateNetwork: true,
      recordsPath: 'data',
      paginator: { type: 'page', parameter: 'page', sizeParameter: 'size', size: 500 },
      incremental: {
        cursor: 'flight_date',
        parameter: 'since',
        initialValue: '1990-01-01',
        order: 'ascending',
      },
    },
  },
});
