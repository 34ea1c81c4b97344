import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { expect } from 'vitest';
import { toOpenApi } from '../../docs/to-openapi.ts';
import { PUSH_API, type OperationId } from '../../shared/config/push-api.ts';

interface Documented {
  readonly headers?: Readonly<Record<string, { readonly required?: boolean; readonly schema: object }>>;
  readonly content?: Readonly<Record<string, { readonly schema: object }>>;
}

interface Document {
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { readonly responses: Readonly<Record<string, Documented>> }>>>
  >;
}

const NAME = 'openapi.json';
const document = JSON.parse(JSON.stringify(toOpenApi())) as Document;
const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
ajv.addSchema(document, NAME);
const compiled = new Map<string, ValidateFunction>();

/** The schema of the document that stands at a path, compiled. */
function schemaAt(path: readonly string[]): ValidateFunction {
  const pointer = path.map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')));
  const reference = `${NAME}#/${pointer.join('/')}`;
  let validate = compiled.get(reference);
  if (validate === undefined) {
    validate = ajv.compile({ $ref: reference });
    compiled.set(reference, validate);
  }
  return validate;
}

/** An answer of the API as it came over HTTP, or from the handler. */
export interface AnswerToCheck {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  /** Parsed. */
  readonly body: unknown;
}

/**
 * Fails unless an answer is one that the OpenAPI document describes: its status, the headers that it must have, their
 * values, its content type and its body.
 */
export function checkAnswer(id: OperationId, { status, headers, body }: AnswerToCheck): void {
  const { path, method } = PUSH_API[id];
  const at = ['paths', path, method.toLowerCase(), 'responses', String(status)];
  const documented = document.paths[path]?.[method.toLowerCase()]?.responses[String(status)];
  if (documented === undefined) throw new Error(`${id}: the status ${String(status)} is not documented`);
  const own = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]));
  for (const [name, header] of Object.entries(documented.headers ?? {})) {
    const value = own.get(name.toLowerCase());
    if (value === undefined) {
      expect(header.required, `${id} ${String(status)}: the header ${name} is missing`).not.toBe(true);
    } else expectValid([...at, 'headers', name, 'schema'], value);
  }
  const [type = ''] = (own.get('content-type') ?? '').split(';');
  expect(Object.keys(documented.content ?? {}), `${id} ${String(status)}: content type`).toContain(type);
  expectValid([...at, 'content', type, 'schema'], body);
}

function expectValid(path: readonly string[], value: unknown): void {
  const validate = schemaAt(path);
  validate(value);
  expect(validate.errors ?? [], `${path.join(' ')}: ${JSON.stringify(value).slice(0, 500)}`).toEqual([]);
}
