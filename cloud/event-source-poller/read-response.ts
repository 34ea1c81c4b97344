/** What a function's answer says about the batch it was given. */
export type BatchResponse =
  | { readonly kind: 'success' }
  /** The whole batch counts as failed. */
  | { readonly kind: 'failure' }
  /** Everything before this index is done; the rest is to be delivered again. */
  | { readonly kind: 'checkpoint'; readonly index: number };

const SUCCESS: BatchResponse = { kind: 'success' };
const FAILURE: BatchResponse = { kind: 'failure' };

/**
 * Reads the answer of a function whose mapping has ReportBatchItemFailures, as AWS documents it: an answer without
 * failures in any of its forms is a success, an item identifier that is empty, missing or not one of the batch is a
 * failure of the whole batch, and of several identifiers the lowest sequence number counts.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html
 */
export function readResponse(payload: unknown, sequenceNumbers: readonly string[]): BatchResponse {
  if (payload === null || payload === undefined) return SUCCESS;
  if (typeof payload !== 'object' || !('batchItemFailures' in payload)) return SUCCESS;
  const { batchItemFailures } = payload;
  if (batchItemFailures === null || batchItemFailures === undefined) return SUCCESS;
  if (!Array.isArray(batchItemFailures)) return FAILURE;
  let lowest = Infinity;
  for (const item of batchItemFailures as unknown[]) {
    const index = sequenceNumbers.findIndex((number) => number === itemIdentifier(item));
    if (index === -1) return FAILURE;
    lowest = Math.min(lowest, index);
  }
  return lowest === Infinity ? SUCCESS : { kind: 'checkpoint', index: lowest };
}

function itemIdentifier(item: unknown): unknown {
  return typeof item === 'object' && item !== null && 'itemIdentifier' in item
    ? item.itemIdentifier
    : undefined;
}
