import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findPython } from '../../../cloud/emulator/find-python.ts';
import { installPythonPackage, type PythonPackage } from '../../../cloud/emulator/install-python-package.ts';
import { runCommand } from '../../../cloud/emulator/run-command.ts';
import { toOpenApi } from '../../../docs/to-openapi.ts';
import type { HeadgateConfigInput } from '../../../shared/config/schema.ts';
import { startPushServer, type PushServer } from '../../support/push-server.ts';
import { HOOK_SECRET, ORDER_SCHEMA, PushWorld } from '../../support/push-world.ts';

/*
 * schemathesis reads the OpenAPI document and tries to break the API: examples, boundary values, random and invalid
 * requests. It drives the real handler over memory stores behind a local HTTP server rather than the embedded cloud,
 * where a call takes much longer, and whose HTTP front is not API Gateway's either. The conformance suite asks the
 * embedded cloud.
 */

const SCHEMATHESIS: PythonPackage = {
  name: 'schemathesis',
  version: '4.32.5',
  with: [],
  modules: ['schemathesis'],
  otherwise: 'leave this test out',
};

/** Bounds the run by what is tried, not by time: the same requests on every machine. */
const MAX_EXAMPLES = 100;
/** Other requests: set the variable. */
const SEED = process.env['SCHEMATHESIS_SEED'] ?? '1';

const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
  'violation_rejected',
  'missing_required_header',
  'ignored_auth',
];

/** 413 is not among the statuses that the fuzzer expects for a list with too many elements. */
const SETTINGS = `
[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "409", "413", "415", "422", "429"]
`;

/** The signature of a delivery that is signed on its way to the handler. */
const TO_BE_SIGNED = 'to-be-signed';

const common = {
  freshness: '30 seconds',
  volume: { gbPerDay: 1 },
  key: ['id'],
  contract: { schema: ORDER_SCHEMA },
};

const CONFIG: HeadgateConfigInput = {
  // Nothing lands in this world, and its clock runs fast.
  ingest: { maxLag: '1 day' },
  sources: {
    orders: { ...common, type: 'push', cors: { origins: ['https://app.example.com'] } },
    hooks: {
      ...common,
      type: 'webhook',
      signature: { preset: 'standard-webhooks', secrets: [{ parameter: HOOK_SECRET.parameter }] },
    },
  },
};

interface Parameter {
  readonly name: string;
  schema: object;
  example?: string;
}

interface FuzzedOperation {
  readonly parameters: readonly Parameter[];
  readonly requestBody?: { readonly content: Record<string, { schema: object; examples?: object }> };
}

/**
 * The document with what schemathesis cannot know: which sources there are (one of the names is unknown), that it does
 * not compress, and that lines are records, one or several.
 */
function toFuzzedDocument(): string {
  const document = JSON.parse(JSON.stringify(toOpenApi())) as {
    paths: Record<string, Record<string, FuzzedOperation>>;
  };
  for (const [path, item] of Object.entries(document.paths)) {
    const known = path.includes('webhooks') ? 'hooks' : 'orders';
    for (const { parameters, requestBody } of Object.values(item)) {
      for (const parameter of parameters) {
        if (parameter.name === 'source') {
          parameter.schema = { enum: [known, 'nobody'] };
          parameter.example = known;
        }
        if (parameter.name === 'Content-Encoding') parameter.schema = { enum: ['identity'] };
      }
      for (const [type, media] of Object.entries(requestBody?.content ?? {})) {
        if (!/ndjson|jsonl/.test(type)) continue;
        const record = { $ref: '#/components/schemas/Record' };
        media.schema = { anyOf: [record, { type: 'array', items: record, minItems: 1 }] };
        delete media.examples;
      }
    }
  }
  return JSON.stringify(document);
}

const hasPython = await findPython().then(
  () => true,
  (error: unknown) => {
    console.warn(`schemathesis is skipped: ${error instanceof Error ? error.message : String(error)}`);
    return false;
  },
);

let python: string;
let server: PushServer;
let key: string;
let folder: string;

beforeAll(async () => {
  if (!hasPython) return;
  python = await installPythonPackage(SCHEMATHESIS, ({ version }) => {
    console.log(`installing schemathesis ${SCHEMATHESIS.version} with Python ${version} (once)`);
  });
  const world = new PushWorld({ config: CONFIG });
  key = await world.createKey('orders');
  server = await startPushServer(world, (headers, body) => {
    if (headers['webhook-signature'] !== TO_BE_SIGNED) return headers;
    const sentAt = new Date(world.clock.nowMs());
    const id = randomUUID();
    const signature = new Webhook(HOOK_SECRET.value).sign(id, sentAt, body.toString());
    return {
      ...headers,
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(sentAt.getTime() / 1000)),
      'webhook-signature': signature,
    };
  });
  folder = await mkdtemp(join(tmpdir(), 'headgate-schemathesis-'));
});

afterAll(async () => {
  if (!hasPython) return;
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

test.skipIf(!hasPython)(
  'a fuzzer of somebody else finds no server error and no answer that is not documented',
  async () => {
    const document = join(folder, 'openapi.json');
    await writeFile(document, toFuzzedDocument());
    const settings = join(folder, 'schemathesis.toml');
    await writeFile(settings, SETTINGS);
    const hooks = join(import.meta.dirname, '../../support/schemathesis-hooks.py');
    const { status, stdout, stderr } = await runCommand(
      python,
      [
        ...[
          '-m',
          'schemathesis.cli',
          'run',
          document,
          '--url',
          server.origin,
          '--header',
          `Authorization: Bearer ${key}`,
        ],
        ...['--checks', CHECKS.join(','), '--phases', 'examples,coverage,fuzzing'],
        ...['--seed', SEED, '--max-examples', String(MAX_EXAMPLES), '--warnings', 'off', '--no-color'],
      ],
      { cwd: folder, env: { ...process.env, SCHEMATHESIS_HOOKS: hooks } },
    );
    // A request that is shown whole may be megabytes long.
    const report = `${stdout}\n${stderr}`.replace(/^(.{1000}).*$/gm, '$1 …');
    console.log(report.split('\n').slice(-40).join('\n'));
    expect(status, report).toBe(0);
    // A run that was cut short, or sent everything to unknown routes, proves nothing.
    expect(server.handled).toBeGreaterThan(300);
  },
);
