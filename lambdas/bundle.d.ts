/**
 * Made at synth and put into every function's bundle: the user's configuration as data and the contracts as
 * standalone code, so that nothing is compiled during a cold start.
 */
declare module 'headgate:bundle' {
  import type { ValidateFunction } from 'ajv';
  import type { HeadgateConfig } from '../shared/config/schema.ts';

  export const config: HeadgateConfig;
  /** Compiled schema by source name. */
  export const validators: Readonly<Record<string, ValidateFunction>>;
}
