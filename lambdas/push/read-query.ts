import type { Operation } from '../../shared/config/push-api.ts';
import { HttpProblem } from '../middleware/problems.ts';

/** The flags of a request's query, by name; those of the operation that the query has not are false. */
export type Query = Readonly<Record<string, boolean>>;

/**
 * Reads the query parameters that an operation knows; others are ignored.
 *
 * @param parameters as API Gateway hands them over: a parameter that is there twice has both values, with a comma
 * @throws HttpProblem `bad-parameter`
 */
export function readQuery(
  { query }: Operation,
  parameters: Readonly<Record<string, string | undefined>> = {},
): Query {
  const flags: Record<string, boolean> = {};
  for (const [name, schema] of Object.entries(query)) {
    const parsed = schema.safeParse(parameters[name]);
    if (!parsed.success) {
      const detail = `${name}: must be true or false, or stand alone (?${name}); correct it or leave it out`;
      throw new HttpProblem('bad-parameter', detail, { members: { parameter: name } });
    }
    flags[name] = parsed.data;
  }
  return flags;
}
