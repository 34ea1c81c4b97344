import type { HttpSourceConfig } from '../../config/schema.ts';
import { BlockedError, TransientError } from '../../domain/errors.ts';
import { findAt, toPathSteps } from '../../domain/json-path.ts';
import { scalarAt } from '../../domain/json-spans.ts';
import { RateLimitedError } from '../../domain/rate-limited-error.ts';
import { exhaustedUntilMs } from './rate-limits.ts';
import { retryAfterMs } from './retry-after.ts';
import type { HttpAnswer } from './send-request.ts';

type Rule = HttpSourceConfig['errorHandler'][number];

/** Statuses that pass: too early, too many requests; and with them all errors of servers and gateways. */
const PASSING_STATUSES: ReadonlySet<number> = new Set([408, 425]);
const TOO_MANY_REQUESTS = 429;

/** A transient failure that says when to come back. */
export class BusyError extends TransientError {
  /** When to come back, ms since the epoch; undefined when the source does not say. */
  readonly untilMs: number | undefined;

  constructor(message: string, untilMs: number | undefined) {
    super('PULL_BUSY', message);
    this.untilMs = untilMs;
  }
}

/** What is known about a source when its answers are judged. */
export interface JudgeOptions {
  readonly rules: HttpSourceConfig['errorHandler'];
  readonly rateLimit: HttpSourceConfig['rateLimit'];
  readonly nowMs: number;
}

/**
 * What an answer means, by the source's rules first, then by its status.
 *
 * @returns `page`: it has records; `ignore`: it is taken as an empty page
 * @throws RateLimitedError with code `PULL_RATE_LIMITED` when the source says that it is asked too often
 * @throws TransientError with code `PULL_BUSY` for what passes
 * @throws BlockedError with code `PULL_REFUSED` for everything else that is no success
 */
export function judgeAnswer(
  answer: HttpAnswer,
  { rules, rateLimit, nowMs }: JudgeOptions,
): 'page' | 'ignore' {
  const { status, headers, url } = answer;
  const rule = rules.find((candidate) => fits(candidate, answer));
  const action = rule?.action ?? actionOf(status);
  if (action === 'page' || action === 'ignore') return action;
  const hint = rule?.hint === undefined ? '' : `: ${rule.hint}`;
  // Not the path: it may hold a field of a parent, or a secret.
  const what = `${url.host} answered with status ${String(status)}${rule === undefined ? '' : ' (errorHandler)'}${hint}`;
  const waitMs = retryAfterMs(headers['retry-after'], nowMs);
  const untilMs = waitMs === undefined ? exhaustedUntilMs(headers, rateLimit, nowMs) : nowMs + waitMs;
  switch (action) {
    case 'rate-limited':
      throw new RateLimitedError(what, { by: 'source', untilMs });
    case 'retry':
      throw new BusyError(what, untilMs);
    case 'fail':
      throw new BlockedError('PULL_REFUSED', hint === '' ? `${what}: ${adviceOn(status)}` : what);
  }
}

function actionOf(status: number): Rule['action'] | 'page' {
  if (status >= 200 && status < 300) return 'page';
  if (status === TOO_MANY_REQUESTS) return 'rate-limited';
  return PASSING_STATUSES.has(status) || status >= 500 ? 'retry' : 'fail';
}

function adviceOn(status: number): string {
  if (status === 401 || status === 403) {
    return 'the API refuses the credentials; check "auth", "headers" and the SSM parameters they name';
  }
  return 'check "url", "query", "body" and the paginator';
}

function fits({ status, path, equals, contains }: Rule, answer: HttpAnswer): boolean {
  if (status !== undefined && !status.includes(answer.status)) return false;
  if (path === undefined) return contains === undefined || answer.body.includes(contains);
  const text = textAtPath(answer.body, path);
  if (text === undefined) return false;
  return equals === undefined ? text.includes(contains ?? '') : text === equals;
}

/** Text of the scalar at a path of a body, if that is JSON. */
function textAtPath(body: Buffer, path: string): string | undefined {
  try {
    JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
  const span = findAt(body, toPathSteps(path));
  return span && scalarAt(body, span)?.text;
}
