import { parametersOf } from '../../config/parameters-of.ts';
import type { SourceConfig } from '../../config/schema.ts';
import { findingOf, findingOfFailure, type Finding } from '../../domain/checks/finding.ts';
import type { ParameterStore } from '../../ports/parameter-store.ts';

/** Whether all parameters are set that a source names: every one that is not, not only the first. */
export async function checkParameters(
  config: SourceConfig,
  parameters: ParameterStore,
): Promise<readonly Finding[]> {
  const names = [...new Set(parametersOf(config))];
  const found = await Promise.all(
    names.map(async (name): Promise<Finding | undefined> => {
      try {
        const value = await parameters.get(name);
        if (value.trim() !== '') return undefined;
        return findingOf(
          'PARAMETER_EMPTY',
          `the parameter ${name} is empty; set it with ` +
            `aws ssm put-parameter --name '${name}' --type SecureString --overwrite --value '<value>'`,
        );
      } catch (error) {
        return findingOfFailure(error);
      }
    }),
  );
  return distinct(found.filter((finding) => finding !== undefined));
}

/** Credentials that are missing are missing for all parameters alike. */
function distinct(findings: readonly Finding[]): readonly Finding[] {
  return [...new Map(findings.map((finding) => [finding.message, finding])).values()];
}
