import { DuckDBInstance } from '@duckdb/node-api';
import { datasetPath } from './dataset-path.ts';

/**
 * Flights of January 2001 as JSON texts, in the order of the data set. `row` is the row's number in it: two flights of
 * one minute may be equal in everything else. The data set gives local times; the demo takes them as UTC.
 */
export async function readFlights(count: number): Promise<string[]> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  try {
    const reader = await connection.runAndReadAll(
      `SELECT json_object('row', row, 'date', strftime(date, '%Y-%m-%dT%H:%M:%SZ'), 'delay', delay,
                          'distance', distance, 'origin', origin, 'destination', destination)::VARCHAR
       FROM (SELECT file_row_number + 1 AS row, * FROM read_parquet($path, file_row_number = true) LIMIT $count)
       ORDER BY row`,
      { path: datasetPath('flights-3m.parquet'), count },
    );
    return reader.getColumns()[0]?.map(String) ?? [];
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
