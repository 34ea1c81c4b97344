import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Template } from 'aws-cdk-lib/assertions';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { App } from 'aws-cdk-lib/core';
import { afterAll } from 'vitest';
import { buildApp } from '../../infra/build-app.ts';
import type { FunctionCode } from '../../infra/bundling/function-code.ts';
import { planDataRemoval } from '../../infra/deployment.ts';
import { parseConfig } from '../../shared/config/define-config.ts';
import type { HeadgateConfigInput } from '../../shared/config/schema.ts';

export interface SynthOptions {
  readonly embedded?: boolean;
  /** `-c destroy=true` */
  readonly destroy?: boolean;
  /** Validate the templates against CloudFormation's schemas; takes seconds. */
  readonly validate?: boolean;
}

/** A resource of a template. */
export interface Resource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, unknown>>;
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
  readonly DependsOn?: readonly string[];
}

const scratchDir = mkdtempSync(join(tmpdir(), 'headgate-infra-'));
afterAll(() => {
  rmSync(scratchDir, { recursive: true, force: true });
});

const layerDir = join(scratchDir, 'layer');
mkdirSync(layerDir);
writeFileSync(join(layerDir, 'content'), 'a layer');

/** Stands for the bundles: what the stacks make of their code does not depend on it. */
const fakeCode: FunctionCode = {
  push: () => Code.fromInline('exports.handler = async () => ({});'),
  stream: () => Code.fromInline('exports.handler = async () => ({});'),
  land: () => Code.fromInline('exports.handler = async () => ({});'),
  pull: () => Code.fromInline('exports.handler = async () => ({});'),
  extract: () => Code.fromInline('exports.handler = async () => ({});'),
  watch: () => Code.fromInline('exports.handler = async () => ({});'),
  duckdb: () => Code.fromAsset(layerDir),
};

/** An app with the feature flags of cdk.json and the stacks of a configuration. */
export function createApp(input: HeadgateConfigInput, options: SynthOptions = {}): App {
  const { embedded = false, destroy = false, validate = false } = options;
  const config = parseConfig(input);
  const { context } = JSON.parse(readFileSync('cdk.json', 'utf8')) as { context: Record<string, unknown> };
  const app = new App({
    context,
    builtinCloudFormationValidation: validate,
    outdir: mkdtempSync(join(scratchDir, 'synth-')),
  });
  buildApp(app, { config, embedded, dataRemoval: planDataRemoval(config.protect, destroy) }, fakeCode);
  return app;
}

/** The templates of a configuration by stack, without the deployment's name: `storage`, `push`, … */
export function synth(input: HeadgateConfigInput, options: SynthOptions = {}): Map<string, Template> {
  const name = input.name ?? 'headgate';
  return new Map(
    createApp(input, options)
      .synth()
      .stacks.map((stack) => [
        stack.stackName.slice(name.length + 1),
        Template.fromJSON(stack.template as Record<string, unknown>),
      ]),
  );
}

/** One stack's template; fails when the configuration does not have it. */
export function templateOf(templates: ReadonlyMap<string, Template>, stack: string): Template {
  const template = templates.get(stack);
  if (template === undefined) throw new Error(`no stack ${stack}, only ${[...templates.keys()].join(', ')}`);
  return template;
}

/** All resources of a type, over all templates. */
export function resourcesOf(templates: ReadonlyMap<string, Template>, type: string): Resource[] {
  return [...templates.values()].flatMap(
    (template) => Object.values(template.findResources(type)) as Resource[],
  );
}
