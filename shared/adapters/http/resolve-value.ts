import type { ParameterAge, ParameterStore } from '../../ports/parameter-store.ts';

/** A value of the configuration, or what the SSM parameter holds that it names; without the line end that editors add. */
export async function resolveValue(
  value: string | { readonly parameter: string },
  parameters: ParameterStore,
  age?: ParameterAge,
): Promise<string> {
  return typeof value === 'string' ? value : (await parameters.get(value.parameter, age)).trim();
}
