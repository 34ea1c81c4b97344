import * as z from 'zod';
import { isJsonPath } from '../domain/json-path.ts';

/** A place in an answer: field names joined by dots, and indices of arrays. */
export const jsonPath = z.string().refine((text) => isJsonPath(text, false), {
  error:
    'must be a path into the answer: field names joined by dots, elements of arrays by index, such as "meta.next" or "items[-1].id"',
});

/** The same where `[*]` may stand for all elements of an array. */
export const jsonPathOfMany = z.string().refine((text) => isJsonPath(text, true), {
  error:
    'must be a path into the answer: field names joined by dots, elements of arrays by index or all of them by [*], such as "data.items" or "groups[*].members"',
});

const place = z
  .enum(['query', 'body', 'header'])
  .default('query')
  .describe('Where the request carries the parameters of the page; `body` needs the method POST.');

const hasMorePath = jsonPath
  .optional()
  .describe('Where the answer says whether there are more pages: true, or false at the end.');

/** How an API divides its answer into pages. */
export const paginator = z
  .discriminatedUnion(
    'type',
    [
      z.strictObject({
        type: z.literal('page'),
        parameter: z.string().min(1).default('page').describe('Parameter of the page number.'),
        firstPage: z.int().min(0).default(1),
        sizeParameter: z.string().min(1).optional().describe('Parameter of the page size.'),
        size: z.int().min(1).max(100_000).optional(),
        in: place,
        totalPath: jsonPath.optional().describe('Where the answer says how many pages there are.'),
        hasMorePath,
      }),
      z.strictObject({
        type: z.literal('offset'),
        parameter: z.string().min(1).default('offset'),
        sizeParameter: z.string().min(1).default('limit'),
        size: z.int().min(1).max(100_000),
        in: place,
        totalPath: jsonPath.optional().describe('Where the answer says how many records there are.'),
        hasMorePath,
      }),
      z
        .strictObject({
          type: z.literal('cursor'),
          parameter: z.string().min(1).describe('Parameter that takes the cursor.'),
          path: jsonPath
            .optional()
            .describe(
              'Where the answer holds the cursor of the next page; the last page has none. A field of the last record is ' +
                'one too: "items[-1].id".',
            ),
          header: z
            .string()
            .regex(/^[A-Za-z0-9-]{1,64}$/, { error: 'must be the name of a header, such as "X-Next-Cursor"' })
            .optional()
            .describe('Header of the answer that holds the cursor, instead of `path`.'),
          in: place,
          hasMorePath,
        })
        .refine(({ path, header }) => (path === undefined) !== (header === undefined), {
          path: ['path'],
          error: 'set either `path` or `header`: where the answer holds the cursor of the next page',
        }),
      z.strictObject({ type: z.literal('link-header') }).describe('RFC 8288 Link header with rel="next".'),
      z
        .strictObject({
          type: z.literal('next-url'),
          path: jsonPath.describe(
            'Where the answer holds the address of the next page; the last page has none.',
          ),
          hasMorePath,
        })
        .describe('The answer names the address of the next page, on the origin of `url`.'),
      z.strictObject({ type: z.literal('none') }),
    ],
    { error: 'must have a type of: page, offset, cursor, link-header, next-url, none' },
  )
  .describe('How the API divides its answer into pages.');

/** What {@link paginator} makes of it. */
export type Paginator = z.output<typeof paginator>;
