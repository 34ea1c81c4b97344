import { describe, expect, test } from 'vitest';
import { applyWhatIf } from '../../../shared/config/plan/what-if.ts';
import { configOf, declare } from '../../support/declare-plan.ts';

const config = configOf({ it: declare.push(), api: declare.http(), events: declare.stream() });
const changed = (text: string, name = 'it'): unknown => applyWhatIf(config, name, text).sources[name];

describe('a what-if', () => {
  test.each([
    ['freshness=5 minutes', { freshness: '5 minutes' }],
    [' freshness = 5 minutes , gbPerDay = 400 ', { freshness: '5 minutes', volume: { gbPerDay: 400 } }],
    ['recordsPerSecond=20,recordBytes=300', { volume: { recordsPerSecond: 20, recordBytes: 300 } }],
    ['recordBytes=300', { volume: { gbPerDay: 10, recordBytes: 300 } }],
    ['recordsPerSecond=20', { volume: { recordsPerSecond: 20, recordBytes: 1000 } }],
    ['recordsPerRequest=50', { recordsPerRequest: 50 }],
    ['pattern=micro-batch', { pattern: 'micro-batch' }],
    ['pattern=planned', { pattern: undefined }],
    ['dedupe=request', { dedupe: 'request' }],
    ['usdPerGb=0.05,usdPerMonth=20', { budget: { usdPerGb: 0.05, usdPerMonth: 20 } }],
  ])('%s changes what it names', (text, expected) => {
    expect(changed(text)).toMatchObject(expected);
  });

  test('changes nothing else, and not the configuration itself', () => {
    const before = JSON.stringify(config);
    const { api } = applyWhatIf(config, 'it', 'freshness=5 minutes').sources;
    expect(api).toBe(config.sources['api']);
    expect(JSON.stringify(config)).toBe(before);
  });

  test.each([
    ['freshnes=5 minutes', /"freshnes" cannot be changed; there are freshness \(.*gbPerDay/],
    ['freshness', /"freshness" must be a key, "=" and a value/],
    ['freshness=5 min', /freshness: "5 min" must be a number and a unit \(seconds, minutes, hours, days\)/],
    ['freshness=5', /freshness: "5" must be a number and a unit/],
    ['freshness=90 days', /from "1 second" to "30 days"/],
    ['gbPerDay=4 GB', /gbPerDay: "4 GB" must be a number above 0 without a unit, which the key names/],
    ['gbPerDay=-1', /gbPerDay: "-1" must be a number above 0/],
    ['recordBytes=1.5', /recordBytes: "1.5" must be a whole number/],
    ['pattern=batch', /pattern: "batch" must be one of stream, micro-batch, planned/],
    ['recordsPerRequest=20000', /recordsPerRequest: "20000" must be a whole number, 10000 at most/],
    ['shards=2', /shards: a source of type push has none; it is for stream/],
    ['gbPerDay=1,gbPerDay=2', /"gbPerDay" is there twice/],
    ['gbPerDay=1,recordsPerSecond=2', /both say the volume/],
    ['toString=1', /"toString" cannot be changed/],
  ])('%s is refused with what is wrong and what is allowed', (text, message) => {
    expect(() => changed(text)).toThrow(message);
  });

  test('of a stream has as many shards as a configuration takes', () => {
    const streamed = configOf({ it: declare.stream({}) });
    expect(() => applyWhatIf(streamed, 'it', 'shards=501')).toThrow(/500 at most/);
    expect(applyWhatIf(streamed, 'it', 'shards=500').sources['it']).toMatchObject({ shards: 500 });
  });

  test('of a source that keeps an order cannot collect it', () => {
    const ordered = configOf({ it: declare.push({ orderBy: ['id'] }) });
    expect(() => applyWhatIf(ordered, 'it', 'pattern=micro-batch')).toThrow(/orderBy/);
  });
});
