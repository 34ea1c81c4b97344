import type { PushAnswer, RecordResult } from '../../shared/config/push-answers.ts';
import type { RecordOutcome } from '../../shared/pipeline/accept-records.ts';
import { HttpProblem, toProblemResponse } from '../middleware/problems.ts';
import { json, type HttpResponse } from './http.ts';

/** A function's answer may have 6 MB; beyond this, results are shortened to index, status and rule. */
const MAX_DETAIL_LENGTH = 2_000_000;

function toResult({ id, status, violations }: RecordOutcome, index: number): RecordResult {
  const [error] = violations;
  return {
    index,
    ...(id === undefined ? {} : { id }),
    status,
    ...(error === undefined ? {} : { error }),
  };
}

function toShortResult({ status, violations }: RecordOutcome, index: number): RecordResult {
  const [error] = violations;
  return { index, status, ...(error === undefined ? {} : { error: { rule: error.rule } }) };
}

/** Counts outcomes and lists those that the sender should look at. */
function toAnswer(outcomes: readonly RecordOutcome[], isVerbose: boolean): PushAnswer {
  const counts = { accepted: 0, duplicate: 0, quarantined: 0, rejected: 0 };
  const results: RecordResult[] = [];
  let detailLength = 0;
  outcomes.forEach((outcome, index) => {
    counts[outcome.status]++;
    if (outcome.status === 'accepted' && !isVerbose) return;
    if (detailLength > MAX_DETAIL_LENGTH) {
      results.push(toShortResult(outcome, index));
      return;
    }
    const result = toResult(outcome, index);
    detailLength += JSON.stringify(result).length;
    results.push(result);
  });
  const { accepted, duplicate: duplicates, quarantined, rejected } = counts;
  return { accepted, duplicates, quarantined, rejected, results };
}

/** The response to records: the given status, or 422 where every one of them was rejected. */
export function toRecordsResponse(
  outcomes: readonly RecordOutcome[],
  { isVerbose, isDelayed = false }: { readonly isVerbose: boolean; readonly isDelayed?: boolean },
  statusCode: number,
): HttpResponse {
  const answer = { ...toAnswer(outcomes, isVerbose), ...(isDelayed && { delayed: true }) };
  if (answer.rejected < outcomes.length) return json(statusCode, answer);
  const detail = 'every record was rejected; correct them as the results say and send them again';
  return toProblemResponse(new HttpProblem('all-records-rejected', detail, { members: { ...answer } }));
}
