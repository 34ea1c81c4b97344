import type { ValidateFunction } from 'ajv';
import { compileSources } from '../shared/config/compile-sources.ts';
import { compileValidators } from '../shared/config/compile-validators.ts';
import { defineConfig } from '../shared/config/define-config.ts';
import type { Source } from '../shared/domain/source.ts';
import { SeededValues } from './seeded-values.ts';

/** First event time of the generated events: 2026-03-01T00:00:00Z. */
const START_MS = Date.UTC(2026, 2, 1);

const PAGES = [
  '/',
  '/search',
  '/cart',
  '/checkout',
  '/account/orders',
  '/p/',
  '/c/',
  '/help/returns',
] as const;
const BROWSERS = ['Chrome', 'Safari', 'Firefox', 'Edge', 'Samsung Internet'] as const;
const SYSTEMS = ['Windows', 'macOS', 'iOS', 'Android', 'Linux'] as const;
const COUNTRIES = ['US', 'DE', 'FR', 'GB', 'JP', 'BR', 'IN', 'ES', 'NL', 'SE', 'PL', 'CA'] as const;
const CITIES = [
  'Köln',
  'Lyon',
  'Leeds',
  '大阪',
  'São Paulo',
  'Pune',
  'Gijón',
  'Utrecht',
  'Malmö',
  'Łódź',
] as const;
const WORDS = [
  'light',
  'running',
  'shoe',
  'cotton',
  'shirt',
  'bottle',
  'steel',
  'garden',
  'chair',
  'lamp',
  'wool',
  'jacket',
  'paper',
  'note',
  'book',
  'travel',
  'bag',
  'coffee',
  'grinder',
  'phone',
  'case',
  'cable',
  'desk',
  'mirror',
] as const;
const TYPES = ['page_view', 'product_view', 'add_to_cart', 'purchase', 'search', 'sign_in'] as const;

const text = { type: 'string' };
const number = { type: 'number' };
const integer = { type: 'integer' };

/** Nested events of a shop, about 1 KB each, with every kind of column. */
export const SHOP_SOURCE = {
  type: 'push' as const,
  freshness: '1 minute',
  volume: { recordsPerSecond: 1000, recordBytes: 1000 },
  contract: {
    schema: {
      type: 'object',
      properties: {
        id: { type: 'string', format: 'uuid' },
        type: text,
        occurred_at: { type: 'string', format: 'date-time' },
        session: {
          type: 'object',
          properties: {
            id: text,
            number: integer,
            started_at: { type: 'string', format: 'date-time' },
            authenticated: { type: 'boolean' },
          },
        },
        user: {
          type: 'object',
          properties: {
            id: integer,
            email_hash: text,
            segment: { type: ['string', 'null'] },
            since: { type: 'string', format: 'date' },
          },
        },
        device: {
          type: 'object',
          properties: {
            browser: text,
            version: text,
            os: text,
            screen: { type: 'object', properties: { width: integer, height: integer, ratio: number } },
          },
        },
        geo: {
          type: 'object',
          properties: { country: text, city: text, latitude: number, longitude: number },
        },
        page: {
          type: 'object',
          properties: { url: text, referrer: { type: ['string', 'null'] }, title: text, load_ms: number },
        },
        items: {
          type: 'array',
          items: {
            type: 'object',
            properties: { sku: text, name: text, quantity: integer, price: number },
          },
        },
        total: number,
        tags: { type: 'array', items: text },
        properties: {},
      },
      required: ['id', 'type', 'occurred_at'],
    },
  },
  key: ['id', 'occurred_at'],
  eventTime: { path: 'occurred_at' },
};

/** The source of the benchmarks. */
const CONFIG = defineConfig({ sources: { 'shop-events': SHOP_SOURCE } });

/** The compiled contract alone. */
export function shopValidator(): ValidateFunction {
  const validate = compileValidators(CONFIG)['shop-events'];
  if (validate === undefined) throw new Error('the contract was not compiled');
  return validate;
}

/** @param dedupe whether its records claim their keys */
export function shopSource(dedupe: 'record' | 'none' = 'record'): Source {
  const config = { ...CONFIG, sources: { 'shop-events': { ...CONFIG.sources['shop-events'], dedupe } } };
  const source = compileSources(config as typeof CONFIG, compileValidators(CONFIG)).get('shop-events');
  if (source === undefined) throw new Error('the source was not compiled');
  return source;
}

function words(random: SeededValues, count: number): string {
  const chosen: string[] = [];
  for (let i = 0; i < count; i++) chosen.push(random.pick(WORDS));
  return chosen.join(' ');
}

function toEvent(random: SeededValues, atMs: number): object {
  const items = [];
  for (let i = random.integer(1, 3); i > 0; i--) {
    items.push({
      sku: `${random.pick(['SH', 'BK', 'GD', 'EL'])}-${String(random.integer(10_000, 99_999))}`,
      name: words(random, random.integer(2, 4)),
      quantity: random.integer(1, 5),
      price: random.integer(100, 50_000) / 100,
    });
  }
  const tags = [];
  for (let i = random.integer(0, 4); i > 0; i--) tags.push(random.pick(WORDS));
  return {
    id: random.uuid(),
    type: random.pick(TYPES),
    occurred_at: new Date(atMs).toISOString(),
    session: {
      id: random.hex(24),
      number: random.integer(1, 400),
      started_at: new Date(atMs - random.integer(0, 3_600_000)).toISOString(),
      authenticated: random.next() < 0.4,
    },
    user: {
      id: random.integer(1, 4_000_000),
      email_hash: random.hex(40),
      segment: random.next() < 0.3 ? null : random.pick(['new', 'returning', 'vip', 'staff']),
      since: new Date(atMs - random.integer(0, 2000) * 86_400_000).toISOString().slice(0, 10),
    },
    device: {
      browser: random.pick(BROWSERS),
      version: `${String(random.integer(90, 140))}.0.${String(random.integer(1000, 7000))}.${String(random.integer(1, 200))}`,
      os: random.pick(SYSTEMS),
      screen: {
        width: random.integer(320, 3840),
        height: random.integer(480, 2160),
        ratio: random.integer(4, 16) / 4,
      },
    },
    geo: {
      country: random.pick(COUNTRIES),
      city: random.pick(CITIES),
      latitude: Math.round((random.next() * 180 - 90) * 1e6) / 1e6,
      longitude: Math.round((random.next() * 360 - 180) * 1e6) / 1e6,
    },
    page: {
      url: `https://shop.example${random.pick(PAGES)}${random.hex(6)}?ref=${random.hex(8)}&utm=${random.pick(WORDS)}`,
      referrer: random.next() < 0.4 ? null : `https://www.example/${random.hex(10)}`,
      title: words(random, random.integer(3, 7)),
      load_ms: random.integer(20_000, 3_000_000) / 1000,
    },
    items,
    total: random.integer(100, 200_000) / 100,
    tags,
    properties: {
      variant: random.pick(['a', 'b', 'c']),
      score: random.next(),
      flags: [random.integer(0, 9), random.next() < 0.5],
    },
  };
}

/** `count` events in order of time, one JSON text each. */
export function toShopEvents(count: number, seed = 1): Buffer[] {
  const random = new SeededValues(seed);
  const events: Buffer[] = [];
  let atMs = START_MS;
  for (let i = 0; i < count; i++) {
    atMs += random.integer(0, 40);
    events.push(Buffer.from(JSON.stringify(toEvent(random, atMs))));
  }
  return events;
}
