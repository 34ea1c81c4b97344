import { fileURLToPath } from 'node:url';
import { _, type ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import standalone from 'ajv/dist/standalone/index.js';
import type { JsonSchema } from '../domain/contract.ts';
import { FORMAT_TESTS } from '../domain/formats.ts';
import type { HeadgateConfig } from './schema.ts';

const FORMATS_FILE = fileURLToPath(new URL('../domain/formats.ts', import.meta.url));

/** Names that every object inherits, as they would stand in a schema. */
const INHERITED_NAMES = Object.getOwnPropertyNames(Object.prototype).map((name) => JSON.stringify(name));

/** One instance per schema, so that two schemas may have the same `$id`. Schemas are validated by `schemaProblems`. */
function createAjv(schema: JsonSchema): Ajv2020 {
  const text = JSON.stringify(schema);
  return new Ajv2020({
    meta: false,
    validateSchema: false,
    // The first violation ends the check: with all of them a sender could make a record cost millions of error objects.
    allErrors: false,
    // Checking for own fields costs time on every record; only contracts with such a name need it.
    ownProperties: INHERITED_NAMES.some((name) => text.includes(name)),
    strictTypes: false,
    strictTuples: false,
    strictRequired: false,
    logger: false,
    // It says what a column is, nothing about values.
    keywords: ['columnType'],
    // int64 needs no test: that the digits fit is checked where they are still text.
    formats: { ...FORMAT_TESTS, int64: true },
    code: { source: true, formats: _`require(${FORMATS_FILE}).FORMAT_TESTS` },
  });
}

let metaAjv: Ajv2020 | undefined;

/** What makes a schema an invalid JSON Schema document, beginning with the place; empty when it is valid. */
export function schemaProblems(schema: JsonSchema): readonly string[] {
  // Compiling the schema of schemas takes longer than all the rest.
  metaAjv ??= new Ajv2020({ logger: false });
  if (metaAjv.validateSchema(schema) !== true) {
    const problems = (metaAjv.errors ?? []).map(({ instancePath, message, params }) => {
      const allowed = Array.isArray(params.allowedValues)
        ? ` (${params.allowedValues.map(String).join(', ')})`
        : '';
      return `${instancePath.slice(1).replaceAll('/', '.')}: ${message ?? 'is wrong'}${allowed}`;
    });
    return [...new Set(problems)];
  }
  try {
    createAjv(schema).compile(schema);
    return [];
  } catch (error) {
    return [`(root): ${error instanceof Error ? error.message : String(error)}`];
  }
}

/** Compiles the contract of every source, for processes that have the time: tests, the CLI and the bench. */
export function compileValidators(config: HeadgateConfig): Readonly<Record<string, ValidateFunction>> {
  return Object.fromEntries(
    Object.entries(config.sources).map(([name, source]) => [
      name,
      createAjv(source.contract.schema).compile(source.contract.schema),
    ]),
  );
}

/**
 * Source text of the module `headgate:bundle` (CommonJS, for a bundler): the configuration, and the contracts as
 * standalone code, so that a function compiles nothing when it starts. It requires files of this project and of Ajv's
 * runtime, which the bundler has to resolve from the project's root.
 */
export function toBundleModule(config: HeadgateConfig): string {
  const validators = Object.entries(config.sources).map(([name, source]) => {
    const ajv = createAjv(source.contract.schema);
    const code = standalone.default(ajv, ajv.compile(source.contract.schema));
    return `${JSON.stringify(name)}: (() => { const module = { exports: {} };\n${code}\nreturn module.exports; })()`;
  });
  return `exports.config = ${JSON.stringify(config)};\nexports.validators = {\n${validators.join(',\n')}\n};\n`;
}
