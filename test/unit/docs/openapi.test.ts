import { readFileSync } from 'node:fs';
import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, test } from 'vitest';
import orders from '../../../docs/examples/orders.config.ts';
import { PUSH_EXAMPLES } from '../../../docs/examples/push-api.ts';
import { toOpenApi } from '../../../docs/to-openapi.ts';
import { OPERATIONS, routeKeyOf } from '../../../shared/config/push-api.ts';
import { PROBLEMS, problemTypeOf, type ProblemName } from '../../../shared/domain/problems.ts';
import { checkAnswer } from '../../support/check-answer.ts';
import { PushWorld } from '../../support/push-world.ts';

const document = JSON.parse(
  readFileSync(new URL('../../../docs/reference/openapi.json', import.meta.url), 'utf8'),
) as Record<string, unknown>;

/** Every value in a document, with the path to it. */
function* valuesIn(value: unknown, path: readonly string[] = []): Generator<[readonly string[], unknown]> {
  yield [path, value];
  if (typeof value !== 'object' || value === null) return;
  for (const [name, part] of Object.entries(value)) yield* valuesIn(part, [...path, name]);
}

describe('the OpenAPI document', () => {
  test('is what the tables of the API say', () => {
    expect(document).toEqual(JSON.parse(JSON.stringify(toOpenApi())));
  });

  test('is valid OpenAPI 3.1 to a validator of somebody else', async () => {
    const validator = new Validator();
    expect(await validator.validate(structuredClone(document))).toEqual({ valid: true });
    expect(validator.version).toBe('3.1');
  });

  test('that is broken is not valid', async () => {
    const broken = structuredClone(document);
    delete broken['info'];
    expect(await new Validator().validate(broken)).toMatchObject({ valid: false });
  });

  test('has only references to what it has', () => {
    const { schemas } = document['components'] as { schemas: Record<string, unknown> };
    const references = [...valuesIn(document)].filter(([path]) => path.at(-1) === '$ref');
    expect(references.length).toBeGreaterThan(20);
    for (const [, reference] of references) {
      const name = String(reference).replace('#/components/schemas/', '');
      expect(schemas).toHaveProperty([name]);
    }
  });

  test('names every problem that the API has', () => {
    const text = JSON.stringify(document);
    // An unknown route has no operation.
    const named = (Object.keys(PROBLEMS) as ProblemName[]).filter((name) => name !== 'not-found');
    for (const name of named) expect(text).toContain(`"${problemTypeOf(name)}"`);
  });

  test('has every operation under its id, with an answer for each of its problems', () => {
    const paths = document['paths'] as Record<string, Record<string, { responses: object }>>;
    for (const [id, { method, path, problems }] of OPERATIONS) {
      const operation = paths[path]?.[method.toLowerCase()];
      expect(operation).toMatchObject({ operationId: id });
      for (const name of problems) expect(operation?.responses).toHaveProperty(String(PROBLEMS[name].status));
    }
  });
});

describe('the example', () => {
  test.each(Object.entries(PUSH_EXAMPLES))('%s is answered as the document says', async (_name, example) => {
    const world = new PushWorld({ config: orders });
    await world.createKey('orders');
    const answer = await world.send({
      source: 'orders',
      route: routeKeyOf(example.operation),
      headers: example.headers,
      ...(example.query && { query: example.query }),
      ...(example.body !== undefined && { body: example.body }),
    });
    expect(answer.status).toBe(example.status);
    expect(answer.body).toEqual(example.answer);
    checkAnswer(example.operation, answer);
  });
});
