import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { beforeAll, expect, test } from 'vitest';
import { expectedConflicts } from '../../../demo/data/expectation.ts';
import type { PlannedRequest } from '../../../demo/data/plan-requests.ts';
import { prepareData, type DemoData, type DemoScale } from '../../../demo/data/prepare.ts';

const SCALE: DemoScale = {
  flights: 4000,
  flightsPerRequest: 200,
  earthquakes: 400,
  earthquakesPerRequest: 40,
  birdStrikes: 2000,
  birdStrikesLater: 200,
};

let data: DemoData;
beforeAll(async () => {
  data = await prepareData(SCALE);
});

function lines(request: PlannedRequest): string[] {
  const { contentEncoding: encoding, body } = request;
  const raw = encoding === 'gzip' ? gunzipSync(body) : encoding === 'zstd' ? zstdDecompressSync(body) : body;
  expect(raw.length).toBe(request.rawBytes);
  if (request.contentType === 'application/x-ndjson') return raw.toString().trimEnd().split('\n');
  return (JSON.parse(raw.toString()) as unknown[]).map((record) => JSON.stringify(record));
}

test('the same scale gives the same requests', async () => {
  const again = await prepareData(SCALE);
  expect(again.requests).toEqual(data.requests);
  expect(again.birdStrikes).toEqual(data.birdStrikes);
});

test.each(['flights', 'earthquakes'])('what %s expects is what its bodies hold', (source) => {
  const expectation = data.expectations.get(source);
  const valid = new Set<string>();
  const copies = new Map<string, number>();
  let sent = 0;
  let notJson = 0;
  for (const request of data.requests.filter((each) => each.source === source)) {
    for (const line of lines(request)) {
      sent += request.times;
      let record: Record<string, unknown>;
      try {
        record = JSON.parse(line) as Record<string, unknown>;
      } catch {
        notJson += request.times;
        continue;
      }
      const violates = line.includes('invalid-') || /"row":(1\d{7}|9007)/.test(line);
      if (!violates) valid.add(expectation?.keyOf(record) ?? '');
      else
        copies.set(
          line,
          (copies.get(line) ?? 0) + (request.idempotencyKey === undefined ? request.times : 1),
        );
    }
  }
  expect(expectation).toMatchObject({ sent, rejected: notJson, accepted: sent - notJson });
  expect(new Set(expectation?.rows.keys())).toEqual(valid);
  // Bodies that are arrays were parsed above, which rounds the numbers that are too large for JavaScript on purpose.
  expect(total(expectation?.violations ?? new Map())).toBe(total(copies));
});

function total(copies: ReadonlyMap<string, number>): number {
  return [...copies.values()].reduce((sum, each) => sum + each, 0);
}

test('every kind of trouble is there', () => {
  const all = data.requests;
  expect(all.some((request) => request.times === 2 && request.idempotencyKey !== undefined)).toBe(true);
  expect(all.some((request) => request.times === 2 && request.idempotencyKey === undefined)).toBe(true);
  expect(new Set(all.map((request) => request.contentEncoding))).toEqual(
    new Set(['gzip', 'zstd', undefined]),
  );
  for (const source of ['flights', 'earthquakes']) {
    const expectation = data.expectations.get(source);
    if (expectation === undefined) throw new Error(`${source} has no expectation`);
    expect(expectation.violations.size).toBeGreaterThan(2);
    expect(expectation.rejected).toBeGreaterThan(0);
    expect(expectedConflicts(expectation)).toBeGreaterThan(0);
    const records = all.filter((request) => request.source === source).flatMap((request) => request.records);
    const texts = records.filter((record) => record.kind === 'valid').map((record) => record.text);
    expect(new Set(texts).size).toBeLessThan(texts.length);
  }
});

test('a record that gets a second payload is sent once with each', () => {
  const conflicting = new Set(
    [...data.expectations.values()].flatMap(({ rows }) =>
      [...rows.values()].filter((texts) => texts.length > 1).flat(),
    ),
  );
  const sent = data.requests.flatMap((request) =>
    request.records.map(({ text }) => ({ text, times: request.times })),
  );
  for (const text of conflicting)
    expect(sent.filter((record) => record.text === text)).toEqual([{ text, times: 1 }]);
});

test('the API serves rows in order of their date, and invalid ones never at a date that is read twice', () => {
  const dates = data.birdStrikes.map((row) => row.flight_date);
  expect(dates).toEqual([...dates].sort());
  const violations = data.birdStrikes.filter((row) => row['cost_total_usd'] === 'unknown');
  expect(violations.length).toBeGreaterThan(1);
  const ends = [dates[data.birdStrikesAtFirst - 1], dates.at(-1)];
  expect(violations.filter((row) => ends.includes(row.flight_date))).toEqual([]);
  expect(data.birdStrikes.length - data.birdStrikesAtFirst).toBeGreaterThanOrEqual(SCALE.birdStrikesLater);
});
