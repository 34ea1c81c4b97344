import { z } from 'zod';
import {
  ANSWER_HEADERS,
  FAILURE_BODIES,
  PREFLIGHT_ANSWER,
  PROBLEM_HEADERS,
  RATE_LIMIT_HEADERS,
  SUCCESS_ANSWERS,
  type AnswerHeader,
  type SuccessAnswer,
} from '../shared/config/push-answers.ts';
import {
  CONTENT_ENCODINGS,
  IDEMPOTENCY_KEY,
  MAX_IDEMPOTENCY_KEY_LENGTH,
  OPERATIONS,
  PREFLIGHT_PROBLEMS,
  PUSH_API,
  type Operation,
  type OperationId,
} from '../shared/config/push-api.ts';
import { BODY_SCHEMAS, CLOUD_EVENT_HEADERS } from '../shared/config/push-bodies.ts';
import { SOURCE_NAME } from '../shared/config/schema.ts';
import { PROBLEMS, problemTypeOf, type ProblemName } from '../shared/domain/problems.ts';
import { PUSH_EXAMPLES, type PushExample } from './examples/push-api.ts';

type Json = Readonly<Record<string, unknown>>;
type NamedExample = readonly [name: string, example: PushExample];

const COMPONENTS = '#/components/schemas/';

/** What API Gateway answers itself, before the function is asked. */
const GATEWAY_STATUSES: ReadonlySet<number> = new Set([403, 413, 429, 500, 503]);

const SECURITY_SCHEMES = {
  writeKey: {
    type: 'http',
    scheme: 'bearer',
    description: 'A write key of the source, which `headgate keys create` makes.',
  },
  writeKeyAsUser: {
    type: 'http',
    scheme: 'basic',
    description: 'The same key as user name, without a password.',
  },
  token: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'A token of the issuer that the source trusts (`auth.type: jwt`).',
  },
  sigV4: {
    type: 'apiKey',
    in: 'header',
    name: 'Authorization',
    description:
      'AWS Signature Version 4 for the service `execute-api` (`auth.type: iam`); the path has the name of the source.',
    'x-amazon-apigateway-authtype': 'awsSigv4',
  },
  signature: {
    type: 'apiKey',
    in: 'header',
    name: 'webhook-signature',
    description:
      'The signature of the delivery, in the header of the preset of the source: `webhook-signature` (Standard ' +
      'Webhooks), `X-Hub-Signature-256` (GitHub), `Stripe-Signature`, `X-Shopify-Hmac-Sha256`, `X-Slack-Signature`, or ' +
      'the header that `signature.header` names.',
  },
} as const;

const SECURITY: Readonly<Record<Operation['caller'], readonly Json[]>> = {
  sender: [{ writeKey: [] }, { writeKeyAsUser: [] }, { token: [] }, { sigV4: [] }],
  signer: [{ signature: [] }],
  anyone: [],
};

const SOURCE_PARAMETER = {
  name: 'source',
  in: 'path',
  required: true,
  description: 'Name of the source.',
  schema: { type: 'string', pattern: SOURCE_NAME.source },
  example: 'orders',
};

const IDEMPOTENCY_KEY_PARAMETER = {
  name: 'Idempotency-Key',
  in: 'header',
  description:
    'The same for every attempt of a request, another for another request; it is remembered for the `dedupeWindow` of ' +
    'the source, which may require it. Best in double quotes (a structured-field string).',
  schema: { type: 'string', pattern: IDEMPOTENCY_KEY.source, maxLength: MAX_IDEMPOTENCY_KEY_LENGTH },
  example: '"batch-4711"',
};

const CONTENT_ENCODING_PARAMETER = {
  name: 'Content-Encoding',
  in: 'header',
  description: 'How the body is compressed: one member of gzip, or one frame of zstd.',
  schema: { type: 'string', enum: CONTENT_ENCODINGS },
};

/** The document under construction, as far as schemas are concerned. */
class Components {
  readonly schemas: Record<string, Json> = {};

  /** A zod schema as JSON Schema 2020-12; parts with an id become components. */
  add(schema: z.ZodType, io: 'input' | 'output' = 'output'): Json {
    const { $defs, ...root } = z.toJSONSchema(schema, { io }) as Json & {
      readonly $defs?: Readonly<Record<string, Json>>;
    };
    for (const [id, definition] of Object.entries($defs ?? {}))
      this.schemas[id] = withOwnReferences(definition);
    return withOwnReferences(root);
  }
}

/** A schema whose references are those of an OpenAPI document. */
function withOwnReferences(schema: Json): Json {
  const text = JSON.stringify({ ...schema, $schema: undefined, id: undefined });
  return JSON.parse(text.replaceAll('"#/$defs/', `"${COMPONENTS}`)) as Json;
}

function toHeaders(headers: Readonly<Record<string, AnswerHeader>>, components: Components): Json {
  const entries = Object.entries(headers).map(([name, { description, schema, isAlwaysThere }]) => [
    name,
    { description, required: isAlwaysThere, schema: components.add(schema) },
  ]);
  return entries.length === 0 ? {} : { headers: Object.fromEntries(entries) as Json };
}

function toExamples(examples: readonly NamedExample[], valueOf: (example: PushExample) => unknown): Json {
  if (examples.length === 0) return {};
  const entries = examples.map(([name, example]) => [
    name,
    { summary: example.summary, value: valueOf(example) },
  ]);
  return { examples: Object.fromEntries(entries) as Json };
}

function toSuccess(
  { description, body, headers }: SuccessAnswer,
  examples: readonly NamedExample[],
  components: Components,
): Json {
  const content = body && {
    'application/json': { schema: components.add(body), ...toExamples(examples, ({ answer }) => answer) },
  };
  return { description, ...toHeaders(headers, components), ...(content && { content }) };
}

/** The answer of one status: the problems that have it, and what API Gateway says itself. */
function toFailure(
  status: number,
  names: readonly ProblemName[],
  headers: Readonly<Record<string, AnswerHeader>>,
  examples: readonly NamedExample[],
  components: Components,
): Json {
  const problem = {
    allOf: [
      components.add(FAILURE_BODIES.problemDocument),
      { properties: { status: { const: status }, type: { enum: names.map(problemTypeOf) } } },
    ],
  };
  const content = {
    'application/problem+json': { schema: problem, ...toExamples(examples, ({ answer }) => answer) },
    ...(GATEWAY_STATUSES.has(status) && {
      'application/json': { schema: components.add(FAILURE_BODIES.gatewayMessage) },
    }),
  };
  return {
    description: names.map((name) => PROBLEMS[name].title).join('; '),
    ...toHeaders(headers, components),
    content,
  };
}

function toResponses(
  success: Readonly<Record<number, SuccessAnswer>>,
  problems: readonly ProblemName[],
  examples: readonly NamedExample[],
  components: Components,
): Json {
  const common = { ...ANSWER_HEADERS, ...(problems.includes('quota-exceeded') && RATE_LIMIT_HEADERS) };
  const ofStatus = (status: number): NamedExample[] =>
    examples.filter(([, example]) => example.status === status);
  const responses: Record<string, Json> = {};
  for (const [status, answer] of Object.entries(success)) {
    const headers = { ...common, ...answer.headers };
    responses[status] = toSuccess({ ...answer, headers }, ofStatus(Number(status)), components);
  }
  for (const status of new Set(problems.map((name) => PROBLEMS[name].status))) {
    const names = problems.filter((name) => PROBLEMS[name].status === status);
    const headers = { ...common, ...PROBLEM_HEADERS[status] };
    responses[String(status)] = toFailure(status, names, headers, ofStatus(status), components);
  }
  return responses;
}

function toRequestBody(
  operation: Operation,
  examples: readonly NamedExample[],
  components: Components,
): Json {
  const content = Object.entries(operation.contentTypes).map(([type, description]) => {
    const own = examples.filter(([, example]) => example.headers['content-type'] === type);
    const schema = BODY_SCHEMAS[type];
    if (schema === undefined) throw new Error(`no schema for bodies of type ${type}`);
    const isJson = type.endsWith('json') && !type.endsWith('ndjson');
    return [
      type,
      {
        schema: { description, ...components.add(schema, 'input') },
        // A body that cannot be parsed is no value of its type.
        ...toExamples(
          own.filter(([, { status }]) => status !== PROBLEMS['malformed-body'].status),
          ({ body = '' }) => (isJson ? (JSON.parse(body) as unknown) : body),
        ),
      },
    ];
  });
  return { required: true, content: Object.fromEntries(content) as Json };
}

function toParameters(operation: Operation, components: Components): readonly Json[] {
  const query = Object.entries(operation.query).map(([name, schema]) => ({
    name,
    in: 'query',
    description: schema.description,
    schema: components.add(schema, 'input'),
  }));
  const hasBody = Object.keys(operation.contentTypes).length > 0;
  const events = Object.entries(CLOUD_EVENT_HEADERS).map(([name, schema]) => ({
    name,
    in: 'header',
    description: schema.description,
    schema: components.add(schema, 'input'),
  }));
  return [
    ...(operation.path.includes('{source}') ? [SOURCE_PARAMETER] : []),
    ...query,
    ...(operation.takesIdempotencyKey ? [IDEMPOTENCY_KEY_PARAMETER] : []),
    ...(hasBody ? [CONTENT_ENCODING_PARAMETER] : []),
    ...(operation.takesBinaryCloudEvents ? events : []),
  ];
}

function toOperation(id: OperationId, operation: Operation, components: Components): Json {
  const examples = Object.entries(PUSH_EXAMPLES).filter(([, example]) => example.operation === id);
  const hasBody = Object.keys(operation.contentTypes).length > 0;
  return {
    operationId: id,
    summary: operation.summary,
    ...(operation.description !== undefined && { description: operation.description }),
    security: SECURITY[operation.caller],
    parameters: toParameters(operation, components),
    ...(hasBody && { requestBody: toRequestBody(operation, examples, components) }),
    responses: toResponses(SUCCESS_ANSWERS[id], operation.problems, examples, components),
  };
}

/** What browsers ask before a page may send a request. */
function toPreflight(id: OperationId, components: Components): Json {
  const header = (name: string, isRequired: boolean, example: string): Json => ({
    name,
    in: 'header',
    required: isRequired,
    schema: { type: 'string' },
    example,
  });
  return {
    operationId: `${id}Preflight`,
    summary: 'whether a page of another origin may do this (CORS)',
    security: [],
    parameters: [
      SOURCE_PARAMETER,
      header('Origin', true, 'https://app.example.com'),
      header('Access-Control-Request-Method', true, PUSH_API[id].method),
      header('Access-Control-Request-Headers', false, 'authorization, content-type'),
    ],
    responses: toResponses(
      { 204: PREFLIGHT_ANSWER },
      [...PREFLIGHT_PROBLEMS, 'internal-error'],
      [],
      components,
    ),
  };
}

/** The push API as an OpenAPI 3.1 document, made from the tables that the handler works with. */
export function toOpenApi(): Json {
  const components = new Components();
  const paths: Record<string, Record<string, Json>> = {};
  for (const [id, operation] of OPERATIONS) {
    const item = (paths[operation.path] ??= {});
    item[operation.method.toLowerCase()] = toOperation(id, operation, components);
    if (operation.isForBrowsers) item['options'] = toPreflight(id, components);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Headgate push API',
      version: '1',
      description:
        'Takes records for declared sources and makes them durable before it answers. Routes exist for the types of ' +
        'sources that a deployment declares; those for pages exist where a source has `cors`.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [
      {
        url: 'https://{api}.execute-api.{region}.amazonaws.com',
        description: 'The output `ApiUrl` of the deployment',
        variables: { api: { default: 'api' }, region: { default: 'us-east-1' } },
      },
    ],
    paths,
    components: { schemas: components.schemas, securitySchemes: SECURITY_SCHEMES },
  };
}
