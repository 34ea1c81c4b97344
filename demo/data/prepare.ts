import { readBirdStrikes, type BirdStrike } from './birdstrikes.ts';
import { readEarthquakes } from './earthquakes.ts';
import { createExpectation, type Expectation } from './expectation.ts';
import { readFlights } from './flights.ts';
import { planRequests, type PlannedRequest } from './plan-requests.ts';
import { createRandom } from './random.ts';

/** How much the demo sends; the end-to-end test sends less of the same. */
export interface DemoScale {
  readonly flights: number;
  readonly flightsPerRequest: number;
  readonly earthquakes: number;
  readonly earthquakesPerRequest: number;
  readonly birdStrikes: number;
  /** Bird strikes that the API publishes only after the first pull, for the second one to find. */
  readonly birdStrikesLater: number;
}

/** All that `npm run demo` sends: more than 200,000 records. */
export const FULL_SCALE: DemoScale = {
  flights: 200_000,
  flightsPerRequest: 5000,
  earthquakes: 1707,
  earthquakesPerRequest: 150,
  birdStrikes: 10_000,
  birdStrikesLater: 1000,
};

/** Everything that is sent and served, and what must come of it. */
export interface DemoData {
  readonly requests: readonly PlannedRequest[];
  /** Rows of the API in order of their date, with those that violate the contract among them. */
  readonly birdStrikes: readonly BirdStrike[];
  /** How many of them the API serves from the start; the others appear after the first pull. */
  readonly birdStrikesAtFirst: number;
  /** By source. */
  readonly expectations: ReadonlyMap<string, Expectation>;
}

const SEED = 20010101;
/** Row numbers above any of the data set, for records that are made invalid: they share no key with a valid one. */
const INVALID_ROWS_FROM = 10_000_000;

type Row = Record<string, unknown>;

/** Each breaks one rule of the contract of flights; the result is JSON all the same. */
const FLIGHT_VIOLATIONS: readonly ((flight: Row, serial: number) => string)[] = [
  (flight) => JSON.stringify({ ...flight, delay: 'late' }),
  (flight) => JSON.stringify({ ...flight, origin: undefined }),
  (flight) => JSON.stringify({ ...flight, date: '2001-02-30T12:00:00Z' }),
  (flight) => JSON.stringify({ ...flight, distance: -1 }),
  (flight) => JSON.stringify({ ...flight, destination: 'Chicago' }),
  // One more than a double can count to: JavaScript would silently land another number.
  (flight, serial) =>
    JSON.stringify(flight).replace(
      /"row":\d+/,
      `"row":${String(9_007_199_254_740_993n + 2n * BigInt(serial))}`,
    ),
];

function violateFlight(text: string, serial: number): string {
  const flight = { ...(JSON.parse(text) as Row), row: INVALID_ROWS_FROM + serial };
  const violation = FLIGHT_VIOLATIONS[serial % FLIGHT_VIOLATIONS.length];
  if (violation === undefined) throw new RangeError('there are no violations to choose from');
  return violation(flight, serial);
}

function alterFlight(text: string): string {
  const flight = JSON.parse(text) as Row;
  return JSON.stringify({ ...flight, delay: Number(flight['delay']) + 1 });
}

function violateEarthquake(text: string, serial: number): string {
  const feature = JSON.parse(text) as Row & { properties: Row; geometry: Row };
  const id = `invalid-${String(serial)}`;
  if (serial % 3 === 0)
    return JSON.stringify({ ...feature, id, geometry: { ...feature.geometry, coordinates: 'unknown' } });
  if (serial % 3 === 1)
    return JSON.stringify({ ...feature, id, properties: { ...feature.properties, mag: 'strong' } });
  return JSON.stringify({ ...feature, id, properties: { ...feature.properties, time: undefined } });
}

function alterEarthquake(text: string): string {
  const feature = JSON.parse(text) as Row & { properties: Row };
  return JSON.stringify({ ...feature, properties: { ...feature.properties, status: 'revised' } });
}

/**
 * Adds a copy whose cost is text after one in 400 rows. Never at a date where a pull ends: the next one begins with that
 * date again, and what violates the contract would be in quarantine twice.
 */
function withViolations(rows: readonly BirdStrike[], later: number, expectation: Expectation): BirdStrike[] {
  const readTwice = new Set([rows.at(-1)?.flight_date, rows.at(-later - 1)?.flight_date]);
  return rows.flatMap((row, i) => {
    if (i % 400 !== 200 || readTwice.has(row.flight_date)) return [row];
    const violation = { ...row, report: INVALID_ROWS_FROM + i, cost_total_usd: 'unknown' };
    expectation.violations.set(JSON.stringify(violation), 1);
    return [row, violation];
  });
}

/** Prepares everything that the demo sends. The same scale gives the same bytes on every machine. */
export async function prepareData(scale: DemoScale): Promise<DemoData> {
  const random = createRandom(SEED);
  const [flightTexts, earthquakeTexts, strikes] = await Promise.all([
    readFlights(scale.flights),
    readEarthquakes(),
    readBirdStrikes(scale.birdStrikes),
  ]);

  const flights = createExpectation('flights', (record) => String(record['row']));
  const flightRequests = planRequests(
    flights,
    {
      records: flightTexts,
      recordsPerRequest: scale.flightsPerRequest,
      violate: violateFlight,
      alter: alterFlight,
      repeatOneIn: 50,
      violateOneIn: 800,
      conflicts: 20,
    },
    random,
  );

  const earthquakes = createExpectation('earthquakes', (record) => String(record['id']));
  const earthquakeRequests = planRequests(
    earthquakes,
    {
      records: earthquakeTexts.slice(0, scale.earthquakes),
      recordsPerRequest: scale.earthquakesPerRequest,
      violate: violateEarthquake,
      alter: alterEarthquake,
      repeatOneIn: 20,
      violateOneIn: 100,
      conflicts: 5,
    },
    random,
  );

  const birdstrikes = createExpectation('birdstrikes', (record) => String(record['report']));
  for (const row of strikes) birdstrikes.rows.set(String(row['report']), [JSON.stringify(row)]);
  const birdStrikes = withViolations(strikes, scale.birdStrikesLater, birdstrikes);

  return {
    requests: interleave(flightRequests, earthquakeRequests),
    birdStrikes,
    birdStrikesAtFirst: birdStrikes.findIndex((row) => row === strikes.at(-scale.birdStrikesLater)),
    expectations: new Map(
      [earthquakes, flights, birdstrikes].map((expectation) => [expectation.source, expectation]),
    ),
  };
}

/** Spreads the shorter list evenly over the longer one, each in its order. */
function interleave<T>(long: readonly T[], short: readonly T[]): T[] {
  return [
    ...long.map((item, i) => ({ item, at: i / long.length })),
    ...short.map((item, i) => ({ item, at: i / short.length })),
  ]
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
