import { describeResult, isDurable, type RecordResult } from './record-result.ts';

/** Some of the records of a `send` are not durable. */
export class DeliveryError extends Error {
  /** What became of each record, in the order in which they were passed. */
  readonly results: readonly RecordResult[];

  constructor(results: readonly RecordResult[]) {
    const losses = results.filter((result) => !isDurable(result));
    const [first] = losses;
    super(
      `${String(losses.length)} of ${String(results.length)} records were not delivered` +
        (first === undefined ? '' : `; the first: ${describeResult(first)}`),
    );
    this.name = 'DeliveryError';
    this.results = results;
  }
}
