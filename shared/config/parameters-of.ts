import type { SourceConfig } from './schema.ts';

/**
 * Names of the SSM parameters that a source names anywhere: a parameter is written as `{ parameter: "/name" }` wherever it
 * may stand.
 */
export function parametersOf(source: SourceConfig): string[] {
  const names: string[] = [];
  const search = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(search);
    else if (typeof value === 'object' && value !== null) {
      if (isReference(value)) names.push(value.parameter);
      else Object.values(value).forEach(search);
    }
  };
  for (const [field, value] of Object.entries(source)) if (field !== 'contract') search(value);
  return names;
}

/** `incremental.parameter` and `paginator.parameter` are names of query parameters, among other fields. */
function isReference(value: object): value is { readonly parameter: string } {
  return (
    'parameter' in value &&
    Object.keys(value).length === 1 &&
    typeof value.parameter === 'string' &&
    value.parameter.startsWith('/')
  );
}
