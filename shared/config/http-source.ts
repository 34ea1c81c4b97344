import * as z from 'zod';
import { common, deploymentValue, path } from './fields.ts';
import { pulled } from './pulled-fields.ts';
import { duration } from './units.ts';

const paginator = z
  .discriminatedUnion('type', [
    z.strictObject({
      type: z.literal('page'),
      parameter: z.string().min(1).default('page').describe('Query parameter of the page number.'),
      firstPage: z.int().min(0).default(1),
      sizeParameter: z.string().min(1).optional().describe('Query parameter of the page size.'),
      size: z.int().min(1).max(100_000).optional(),
    }),
    z.strictObject({
      type: z.literal('offset'),
      parameter: z.string().min(1).default('offset'),
      sizeParameter: z.string().min(1).default('limit'),
      size: z.int().min(1).max(100_000),
    }),
    z.strictObject({
      type: z.literal('cursor'),
      parameter: z.string().min(1).describe('Query parameter that takes the cursor.'),
      path: path.describe('Where the response holds the cursor of the next page; the last page has none.'),
    }),
    z.strictObject({ type: z.literal('link-header') }).describe('RFC 8288 Link header with rel="next".'),
    z.strictObject({ type: z.literal('none') }),
  ])
  .describe('How the API divides its answer into pages.');

function isAllowedUrl(text: string, allowPrivateNetwork: boolean): boolean {
  const protocol = URL.parse(text)?.protocol;
  return protocol === 'https:' || (protocol === 'http:' && allowPrivateNetwork);
}

/** A source of type `http`. */
export const httpSource = z
  .strictObject({
    type: z.literal('http'),
    ...common,
    ...pulled,
    url: deploymentValue.describe('The endpoint: https, or an SSM parameter that holds it.'),
    headers: z
      .record(z.string(), deploymentValue)
      .default({})
      .describe('Request headers, for example authorization.'),
    query: z.record(z.string(), z.string()).default({}).describe('Query parameters of every request.'),
    recordsPath: path
      .optional()
      .describe('Where the response holds the array of records; the whole body if absent.'),
    paginator: paginator.default({ type: 'none' }),
    incremental: z
      .strictObject({
        cursor: path.describe('The field that grows: a time stamp or a version.'),
        parameter: z
          .string()
          .min(1)
          .describe("Query parameter that takes the cursor's value: records from there on."),
        initialValue: z.string().describe('Where the first run starts.'),
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
      })
      .optional()
      .describe('Read only what is new. Without it every run reads everything.'),
    allowPrivateNetwork: z
      .boolean()
      .default(false)
      .describe('Allow plain http and private addresses. Only for endpoints in your own network.'),
    requestTimeout: duration('1 second', '5 minutes').default('30 seconds'),
    pagesPerCommit: z.int().min(1).max(1000).default(20).describe('Pages that land together in one commit.'),
  })
  .refine(
    ({ url, allowPrivateNetwork }) => typeof url !== 'string' || isAllowedUrl(url, allowPrivateNetwork),
    {
      path: ['url'],
      error:
        'must be an absolute https URL, such as "https://api.example.com/orders"; ' +
        'plain http needs allowPrivateNetwork: true, for endpoints in your own network',
    },
  )
  .refine((source) => source.incremental === undefined || source.dedupe === 'record', {
    path: ['dedupe'],
    error:
      'must be "record" where the source is read incrementally: every run reads the records at its cursor again; ' +
      'remove "dedupe", or remove "incremental" to read everything in every run',
  })
  .describe('An HTTP API is read on a schedule, as often as the freshness asks.');
