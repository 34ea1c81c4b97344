import * as z from 'zod';
import { toMs, duration } from './units.ts';
import { common, deploymentValue, path } from './fields.ts';
import { httpAuth } from './http-auth.ts';
import { jsonPath, jsonPathOfMany, paginator } from './http-paginator.ts';
import { pulled } from './pulled-fields.ts';

const incremental = z
  .strictObject({
    cursor: path.describe('The field that grows: a time stamp or a version.'),
    parameter: z.string().min(1).describe("Parameter that takes the cursor's value: records from there on."),
    in: z
      .enum(['query', 'body', 'header'])
      .default('query')
      .describe(
        'Where the request carries `parameter` and `endParameter`; `body` needs the method POST, and there a name with ' +
          'dots is a nested field.',
      ),
    format: z
      .enum(['as-read', 'iso-8601', 'date', 'epoch-seconds', 'epoch-milliseconds'])
      .default('as-read')
      .describe(
        'How the API takes the value: `as-read` is the exact text that its records hold; the others need a cursor that ' +
          'is a time, and are rounded so that no record is left out.',
      ),
    initialValue: z.string().describe('Where the first run starts, as records write it.'),
    lookback: duration('0 seconds', '30 days')
      .default('0 seconds')
      .describe(
        'Read again this far behind the cursor, for records that appear late; they are deduplicated.',
      ),
    order: z
      .enum(['ascending', 'unknown'])
      .default('unknown')
      .describe(
        '`ascending`: the API lists records in ascending order of the cursor (add its sort parameter to `query`), ' +
          'so the cursor moves with every page. `unknown`: it moves at the end of a listing, and a listing of ' +
          'several pages is read two or three times, to notice records that moved from page to page meanwhile.',
      ),
    endParameter: z
      .string()
      .min(1)
      .optional()
      .describe('Parameter that takes the end of the range that is asked for.'),
    window: duration('1 minute', '366 days')
      .optional()
      .describe(
        'The range from the cursor to now is read in windows of this length, each listed on its own, in order; the ' +
          'cursor moves from window to window. Needs `endParameter`.',
      ),
  })
  .refine(({ window, endParameter }) => window === undefined || endParameter !== undefined, {
    path: ['endParameter'],
    error: 'is required with `window`: without it each window would list everything up to now',
  })
  .refine(({ parameter, endParameter }) => parameter !== endParameter, {
    path: ['endParameter'],
    error: 'must be another parameter than `parameter`',
  })
  .refine(({ format, window }) => format !== 'date' || window === undefined || toMs(window) >= 86_400_000, {
    path: ['window'],
    error: 'must be "1 day" or longer where format is "date": the API could not tell shorter ones apart',
  });

const errorRule = z
  .strictObject({
    status: z
      .array(z.int().min(100).max(599))
      .min(1)
      .optional()
      .describe('Statuses that the rule is for. Absent: any, also 200 with an error in its body.'),
    path: jsonPath.optional().describe('Field of the body that `equals` or `contains` looks at.'),
    equals: z.string().optional().describe('The field at `path` has exactly this text.'),
    contains: z
      .string()
      .min(1)
      .optional()
      .describe('The field at `path`, or the whole body, contains this text.'),
    action: z
      .enum(['retry', 'rate-limited', 'fail', 'ignore'])
      .describe(
        '`retry`: repeat with backoff. `rate-limited`: the same, and slow the source down. `fail`: stop the run. ' +
          '`ignore`: take the answer as an empty page, counted and logged.',
      ),
    hint: z.string().max(200).optional().describe('What to do about it; it is added to the error message.'),
  })
  .refine(
    ({ status, path: at, contains }) => status !== undefined || at !== undefined || contains !== undefined,
    { error: 'must say what it is for: `status`, `path` with `equals` or `contains`, or `contains`' },
  )
  .refine(({ equals, contains }) => equals === undefined || contains === undefined, {
    path: ['contains'],
    error: 'cannot be set together with `equals`; write two rules',
  })
  .refine(
    ({ path: at, equals, contains }) => at === undefined || equals !== undefined || contains !== undefined,
    { path: ['path'], error: 'needs `equals` or `contains`: what the field must have' },
  )
  .refine(({ path: at, equals }) => equals === undefined || at !== undefined, {
    path: ['equals'],
    error: 'needs `path`: the field that it is compared with',
  });

const rateLimit = z
  .strictObject({
    remainingHeader: z.string().min(1).default('x-ratelimit-remaining'),
    resetHeader: z.string().min(1).default('x-ratelimit-reset'),
    resetFormat: z
      .enum(['seconds', 'epoch-seconds', 'epoch-milliseconds', 'iso-8601'])
      .default('epoch-seconds')
      .describe('What the reset header holds: seconds from now on, or a time.'),
  })
  .describe(
    'Headers in which the API says what is left of its limit. `RateLimit` and `RateLimit-Remaining` with `RateLimit-Reset` (IETF) ' +
      'and `Retry-After` are understood without it.',
  );

const parent = z
  .strictObject({
    url: deploymentValue.describe('The endpoint that lists the parents, on the origin of `url`.'),
    query: z.record(z.string(), z.string()).default({}),
    recordsPath: jsonPathOfMany.optional(),
    paginator: paginator.default({ type: 'none' }),
    key: path.describe('The field that identifies a parent.'),
    include: z
      .record(z.string().min(1), path)
      .default({})
      .describe(
        'Fields of the parent that are added to its records: the name there → the field of the parent, for example ' +
          '{ "orderId": "id" }.',
      ),
  })
  .describe(
    'The records are read once per parent: `{parent.<field>}` in `url` and `query` stands for a field of the parent.',
  );

const PLACEHOLDER = /\{parent\.[^{}]+\}/;

function isAllowedUrl(text: string, allowPrivateNetwork: boolean): boolean {
  const protocol = URL.parse(text)?.protocol;
  return protocol === 'https:' || (protocol === 'http:' && allowPrivateNetwork);
}

const BAD_URL =
  'must be an absolute https URL, such as "https://api.example.com/orders"; ' +
  'plain http needs allowPrivateNetwork: true, for endpoints in your own network';
const NEEDS_POST = 'can be "body" only with method: "POST"; use "query" or "header"';

interface HttpRules {
  readonly method: 'GET' | 'POST';
  readonly url: string | object;
  readonly allowPrivateNetwork: boolean;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly query: Readonly<Record<string, string>>;
  readonly body?: object | undefined;
  readonly auth?: z.output<typeof httpAuth> | undefined;
  readonly paginator: z.output<typeof paginator>;
  readonly incremental?: z.output<typeof incremental> | undefined;
  readonly parent?: z.output<typeof parent> | undefined;
  readonly dedupe: string;
}

function checkRules(source: HttpRules, context: z.core.$RefinementCtx): void {
  const report = (where: (string | number)[], message: string): void => {
    context.issues.push({ code: 'custom', path: where, message, input: source });
  };
  checkUrls(source, report);
  checkPlaces(source, report);
  checkAuth(source, report);
  checkParent(source, report);
  if (source.incremental !== undefined && source.dedupe !== 'record') {
    report(
      ['dedupe'],
      'must be "record" where the source is read incrementally: every run reads the records at its cursor again; ' +
        'remove "dedupe", or remove "incremental" to read everything in every run',
    );
  }
}

type Report = (where: (string | number)[], message: string) => void;

function checkUrls({ url, auth, parent: above, allowPrivateNetwork }: HttpRules, report: Report): void {
  const urls: [string[], unknown][] = [[['url'], url]];
  if (above !== undefined) urls.push([['parent', 'url'], above.url]);
  if (auth !== undefined && 'tokenUrl' in auth) urls.push([['auth', 'tokenUrl'], auth.tokenUrl]);
  for (const [where, text] of urls) {
    if (typeof text === 'string' && !isAllowedUrl(text, allowPrivateNetwork)) report(where, BAD_URL);
  }
}

function checkPlaces({ method, body, ...source }: HttpRules, report: Report): void {
  if (method === 'POST') return;
  if (body !== undefined) report(['body'], 'needs method: "POST"; a GET request has no body');
  if ('in' in source.paginator && source.paginator.in === 'body') report(['paginator', 'in'], NEEDS_POST);
  if (source.incremental?.in === 'body') report(['incremental', 'in'], NEEDS_POST);
}

function checkAuth({ auth, headers, query }: HttpRules, report: Report): void {
  if (auth === undefined) return;
  const takesQuery = auth.type === 'api-key' && auth.in === 'query';
  const header = auth.type === 'api-key' ? auth.name.toLowerCase() : 'authorization';
  const taken = Object.keys(headers).find((name) => !takesQuery && name.toLowerCase() === header);
  if (taken !== undefined) report(['headers', taken], 'is set by `auth`; remove one of them');
  if (takesQuery && Object.hasOwn(query, auth.name)) {
    report(['query', auth.name], 'is set by `auth`; remove one of them');
  }
}

function checkParent(source: HttpRules, report: Report): void {
  const { url, query, parent: above } = source;
  const hasPlaceholder =
    (typeof url === 'string' && PLACEHOLDER.test(url)) ||
    Object.values(query).some((text) => PLACEHOLDER.test(text));
  if (above === undefined) {
    if (hasPlaceholder) report(['parent'], 'is required: {parent.…} stands for a field of a parent');
    return;
  }
  // Of a url in an SSM parameter the function sees to it.
  if (!hasPlaceholder && typeof url === 'string') {
    report(
      ['url'],
      'must say where the parent goes, such as "https://api.example.com/orders/{parent.id}/lines"',
    );
  }
  if (typeof url === 'string' && typeof above.url === 'string' && originOf(url) !== originOf(above.url)) {
    report(['parent', 'url'], 'must be on the origin of `url`: both get the same credentials');
  }
  if ('in' in above.paginator && above.paginator.in === 'body')
    report(
      ['parent', 'paginator', 'in'],
      'cannot be "body": parents are listed by GET; use "query" or "header"',
    );
  if (source.incremental !== undefined) {
    report(
      ['incremental'],
      'cannot be set together with `parent`: a cursor cannot tell that a parent was moved between two pages, and would pass its records; ' +
        'remove it (every run reads everything, what is known does not land again), or read an endpoint that lists the records of all parents',
    );
  }
}

const originOf = (text: string): string | undefined => URL.parse(text)?.origin;

/** A source of type `http`. */
export const httpSource = z
  .strictObject({
    type: z.literal('http'),
    ...common,
    ...pulled,
    url: deploymentValue.describe('The endpoint: https, or an SSM parameter that holds it.'),
    method: z.enum(['GET', 'POST']).default('GET').describe('POST for APIs that are searched by it.'),
    body: z.record(z.string(), z.json()).optional().describe('JSON body of every POST request.'),
    auth: httpAuth.optional(),
    headers: z
      .record(z.string(), deploymentValue)
      .default({})
      .describe('Request headers; for credentials see `auth`.'),
    query: z.record(z.string(), z.string()).default({}).describe('Query parameters of every request.'),
    recordsPath: jsonPathOfMany
      .optional()
      .describe(
        'Where the response holds the array of records; the whole body if absent. "groups[*].members" takes the arrays of all groups.',
      ),
    paginator: paginator.default({ type: 'none' }),
    incremental: incremental
      .optional()
      .describe('Read only what is new. Without it every run reads everything.'),
    parent: parent.optional(),
    errorHandler: z
      .array(errorRule)
      .max(50)
      .default([])
      .describe(
        'What to do about answers, by status and body; the first rule that fits decides. Without one: 408, 425, 429 and 5xx are ' +
          'repeated, other statuses that are no success stop the run.',
      ),
    rateLimit: rateLimit.optional(),
    apiBudget: z
      .strictObject({
        requests: z.int().min(1).max(100_000),
        per: duration('1 second', '1 day'),
      })
      .optional()
      .describe(
        'Most requests within any such time, per function instance; runs of one source rarely overlap, and while it is ' +
          'backfilled they share it with the backfill.',
      ),
    allowPrivateNetwork: z
      .boolean()
      .default(false)
      .describe('Allow plain http and private addresses. Only for endpoints in your own network.'),
    requestTimeout: duration('1 second', '5 minutes').default('30 seconds'),
    pagesPerCommit: z.int().min(1).max(1000).default(20).describe('Pages that land together in one commit.'),
  })
  .superRefine(checkRules)
  .describe('An HTTP API is read on a schedule, as often as the freshness asks.');
