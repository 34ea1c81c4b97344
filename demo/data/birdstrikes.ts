import { DuckDBInstance } from '@duckdb/node-api';
import { datasetPath } from './dataset-path.ts';

/** One report of the FAA's wildlife strike data. */
export type BirdStrike = Readonly<Record<string, string | number | null>> & { readonly flight_date: string };

/** Column of the data set → name in the API. */
const COLUMNS: Readonly<Record<string, string>> = {
  'Airport Name': 'airport',
  'Aircraft Make Model': 'aircraft',
  'Effect Amount of damage': 'damage',
  'Aircraft Airline Operator': 'operator',
  'Origin State': 'origin_state',
  'Phase of flight': 'phase',
  'Wildlife Size': 'wildlife_size',
  'Wildlife Species': 'species',
  'Time of day': 'time_of_day',
  'Cost Other': 'cost_other_usd',
  'Cost Repair': 'cost_repair_usd',
  'Cost Total $': 'cost_total_usd',
  'Speed IAS in knots': 'speed_knots',
};

/**
 * Bird strikes in order of their date, as an API would serve them. `report` is the number of the row in the data set.
 * Many share a date, so that pages end in the middle of one.
 */
export async function readBirdStrikes(count: number): Promise<BirdStrike[]> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  try {
    const columns = Object.entries(COLUMNS).map(
      ([column, name]) =>
        `TRY_CAST("${column}" AS ${/_usd$|_knots$/.test(name) ? 'INTEGER' : 'VARCHAR'}) AS ${name}`,
    );
    const reader = await connection.runAndReadAll(
      `SELECT row_number() OVER ()::INTEGER AS report, strftime("Flight Date", '%Y-%m-%d') AS flight_date, ${columns.join(', ')}
       FROM read_csv($path) ORDER BY flight_date, report LIMIT $count`,
      { path: datasetPath('birdstrikes.csv'), count },
    );
    return reader.getRowObjectsJS() as BirdStrike[];
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
