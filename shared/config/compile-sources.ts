import type { ValidateFunction } from 'ajv';
import { createCheck } from '../domain/check-record.ts';
import type { Source } from '../domain/source.ts';
import { toContract } from '../domain/to-contract.ts';
import type { HeadgateConfig } from './schema.ts';

/**
 * The declared sources by name, ready to check records.
 *
 * @param validators compiled contracts by source: from `headgate:bundle` in a function, from `compileValidators`
 *   elsewhere
 */
export function compileSources(
  config: HeadgateConfig,
  validators: Readonly<Record<string, ValidateFunction>>,
): ReadonlyMap<string, Source> {
  return new Map(
    Object.entries(config.sources).map(([name, source]) => {
      const validate = validators[name];
      if (validate === undefined)
        throw new Error(`source ${name} has no compiled contract; build the functions again`);
      const contract = toContract(source.contract.schema);
      return [name, { name, config: source, contract, check: createCheck(name, source, contract, validate) }];
    }),
  );
}
