/* eslint-disable @typescript-eslint/consistent-type-imports -- a relative import statement is not allowed in an ambient module */

/**
 * Made at synth and put into every function's bundle: the user's configuration as data and the contracts as
 * standalone code, so that nothing is compiled during a cold start.
 */
declare module 'headgate:bundle' {
  export const config: import('../shared/config/schema.ts').HeadgateConfig;
  /** Compiled schema by source name. */
  export const validators: Readonly<Record<string, import('ajv').ValidateFunction>>;
}
