/** What a problem document says beside its name. */
interface Problem {
  readonly status: number;
  readonly title: string;
  /** Its `type`, where it is a registered one. */
  readonly type?: string;
}

const REGISTERED = 'https://iana.org/assignments/http-problem-types#';

/**
 * Every problem that the HTTP API answers (RFC 9457), by the name at the end of its `type`. Names and statuses are
 * stable; the texts are not.
 */
export const PROBLEMS = {
  'malformed-body': { status: 400, title: 'The body cannot be read' },
  'bad-parameter': { status: 400, title: 'A query parameter is not valid' },
  'bad-cloud-event': { status: 400, title: 'The headers of the CloudEvent are not valid' },
  'bad-idempotency-key': { status: 400, title: 'The Idempotency-Key header is missing or not valid' },
  unauthorized: { status: 401, title: 'The sender is not known' },
  forbidden: { status: 403, title: 'The sender may not use this source' },
  'cors-refused': { status: 403, title: 'Pages may not do this' },
  'unknown-source': { status: 404, title: 'There is no such source' },
  'not-found': { status: 404, title: 'There is no such resource' },
  'request-in-progress': { status: 409, title: 'A request with this Idempotency-Key is still running' },
  'too-large': { status: 413, title: 'The request is too large' },
  'unsupported-media-type': { status: 415, title: 'The content type is not supported' },
  'unsupported-encoding': { status: 415, title: 'The content encoding is not supported' },
  'all-records-rejected': { status: 422, title: 'No record was accepted' },
  'idempotency-key-reused': { status: 422, title: 'The Idempotency-Key was used for another payload' },
  'quota-exceeded': {
    status: 429,
    title: 'Request cannot be satisfied as assigned quota has been exceeded',
    type: `${REGISTERED}quota-exceeded`,
  },
  'internal-error': { status: 500, title: 'Something went wrong on our side' },
  'temporary-reduced-capacity': {
    status: 503,
    title: 'Request cannot be satisfied due to temporary server capacity constraints',
    type: `${REGISTERED}temporary-reduced-capacity`,
  },
} as const satisfies Readonly<Record<string, Problem>>;

export type ProblemName = keyof typeof PROBLEMS;

const OWN = 'urn:headgate:problem:';

/** `type` of the problem's documents: a registered one, or its name in our own namespace. */
export function problemTypeOf(name: ProblemName): string {
  const { type }: Problem = PROBLEMS[name];
  return type ?? `${OWN}${name}`;
}
