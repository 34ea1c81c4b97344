import { beforeAll, expect, test } from 'vitest';
import { expectedConflicts } from '../../../demo/data/expectation.ts';
import { prepareData, type DemoData, type DemoScale } from '../../../demo/data/prepare.ts';

const SCALE: DemoScale = {
  flights: 4000,
  flightsPerRequest: 200,
  earthquakes: 800,
  earthquakesPerRequest: 40,
  birdStrikes: 2000,
  birdStrikesLater: 200,
};

let data: DemoData;
beforeAll(async () => {
  data = await prepareData(SCALE);
});

test('the same scale gives the same requests', async () => {
  const again = await prepareData(SCALE);
  expect(again.requests).toEqual(data.requests);
  expect(again.birdStrikes).toEqual(data.birdStrikes);
});

test.each(['flights', 'earthquakes'])('what %s expects is what its requests hold', (source) => {
  const expectation = data.expectations.get(source);
  const valid = new Set<string>();
  const copies = new Map<string, number>();
  let sent = 0;
  let notJson = 0;
  for (const request of data.requests.filter((each) => each.source === source)) {
    for (const { text: line } of request.records) {
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
  expect(expectation?.violations).toEqual(copies);
});

test('every kind of trouble is there', () => {
  const all = data.requests;
  expect(all.some((request) => request.times === 2 && request.idempotencyKey !== undefined)).toBe(true);
  expect(all.some((request) => request.times === 2 && request.idempotencyKey === undefined)).toBe(true);
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
