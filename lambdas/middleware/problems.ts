import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { PROBLEMS, problemTypeOf, type ProblemName } from '../../shared/domain/problems.ts';

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
      type: problemTypeOf(problem),
      title,
      status,
      detail: message,
      ...options.members,
    }),
  };
}
