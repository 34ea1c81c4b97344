import { AssetHashType } from 'aws-cdk-lib/core';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { FUNCTION_SIZES, type FunctionName } from '../../shared/domain/plan/function-sizes.ts';
import type { HeadgateConfig } from '../../shared/config/schema.ts';
import { lanesOf } from '../../shared/config/plan/lanes.ts';
import { planResources } from '../../shared/config/plan/plan-resources.ts';
import { bundleFunctions, handlerEntries } from './bundle-functions.ts';
import { duckDbForAws, duckDbForThisMachine } from './duckdb-package.ts';
import type { FunctionCode } from './function-code.ts';

/**
 * Code for a deployment: bundles of the functions that its sources need, and DuckDB for where they run. DuckDB for AWS
 * is fetched only when it is asked for.
 */
export async function bundledCode(declared: HeadgateConfig, embedded: boolean): Promise<FunctionCode> {
  // Functions go by the patterns that were planned.
  const { config } = planResources(declared);
  const bundles = await bundleFunctions({ config, entries: handlerEntries(functionsOf(config)) });
  const bundle = (name: FunctionName) => (): Code => {
    const found = bundles.get(name);
    if (found === undefined) throw new Error(`no source of this configuration needs the function ${name}`);
    return Code.fromAsset(found.folder);
  };
  return {
    push: bundle('push'),
    stream: bundle('stream'),
    land: bundle('land'),
    pull: bundle('pull'),
    extract: bundle('extract'),
    watch: bundle('watch'),
    duckdb: () => {
      const { path, hash } = embedded ? duckDbForThisMachine() : duckDbForAws();
      return Code.fromAsset(path, { assetHash: hash, assetHashType: AssetHashType.CUSTOM });
    },
  };
}

/** The functions that receive or land the records of some source, and the one that watches them. */
export function functionsOf(declared: HeadgateConfig): readonly FunctionName[] {
  const { config, landing } = planResources(declared);
  const lanes = new Set(
    Object.values(config.sources).flatMap((source): FunctionName[] => {
      const { received, landed } = lanesOf(source);
      return [received, landed];
    }),
  );
  if (landing.length > 0) lanes.add('land');
  lanes.add('watch');
  return (Object.keys(FUNCTION_SIZES) as FunctionName[]).filter((name) => lanes.has(name));
}
