import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';

/**
 * Every problem that the HTTP API answers (RFC 9457), by the name at the end of its `type`. Names and statuses are
 * stable; the texts are not.
 */
export const PROBLEMS = {
  'malformed-body': { status: 400, title: 'The body cannot be read' },
  'bad-idempotency-key': { status: 400, title: 'The Idempotency-Key header is not valid' },
  unauthorized: { status: 401, title: 'A write key is missing or not valid' },
  forbidden: { status: 403, title: 'The write key belongs to another source' },
  'unknown-source': { status: 404, title: 'There is no such source' },
  'not-found': { status: 404, title: 'There is no such resource' },
  'request-in-progress': { status: 409, title: 'A request with this Idempotency-Key is still running' },
  'too-large': { status: 413, title: 'The request is too large' },
  'unsupported-media-type': { status: 415, title: 'The content type is not supported' },
  'unsupported-encoding': { status: 415, title: 'The content encoding is not supported' },
  'all-records-rejected': { status: 422, title: 'No record was accepted' },
  'idempotency-key-reused': { status: 422, title: 'The Idempotency-Key was used for another payload' },
  'internal-error': { status: 500, title: 'Something went wrong on our side' },
  'temporary-reduced-capacity': { status: 503, title: 'Not everything could be stored now' },
} as const satisfies Readonly<Record<string, { status: number; title: string }>>;

export type ProblemName = keyof typeof PROBLEMS;

/** `type` of a problem document is this and the problem's name. */
export const PROBLEM_TYPE_PREFIX = 'urn:headgate:problem:';

export interface ProblemOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Members beside the standard ones. */
  readonly members?: Readonly<Record<string, unknown>>;
}

/** An answer that says why a request was not served. It is thrown to leave the handler, and is not a failure of ours. */
export class HttpProblem extends Error {
  readonly problem: ProblemName;
  readonly options: ProblemOptions;

  /** @param detail what is wrong with this request, what is allowed and what to do; never a value or a key */
  constructor(problem: ProblemName, detail: string, options: ProblemOptions = {}) {
    super(detail);
    this.name = 'HttpProblem';
    this.problem = problem;
    this.options = options;
  }
}

/** The problem document of an HttpProblem. */
export function toProblemResponse({
  problem,
  message,
  options,
}: HttpProblem): APIGatewayProxyStructuredResultV2 {
  const { status, title } = PROBLEMS[problem];
  return {
    statusCode: status,
    headers: { 'content-type': 'application/problem+json', ...options.headers },
    body: JSON.stringify({
      type: `${PROBLEM_TYPE_PREFIX}${problem}`,
      title,
      status,
      detail: message,
      ...options.members,
    }),
  };
}
