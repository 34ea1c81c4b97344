import { checkContracts } from './check-contracts.ts';
import { describeIssue } from './describe-issue.ts';
import { configSchema, type HeadgateConfig, type HeadgateConfigInput } from './schema.ts';

/** The configuration is wrong; the message lists every problem with its path and the allowed values. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(
      `the configuration has ${problems.length === 1 ? 'a problem' : `${String(problems.length)} problems`}:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`,
    );
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/** Configurations with every default filled in: what was filled in is no input any more. */
const complete = new WeakSet();

const isComplete = (input: unknown): input is HeadgateConfig =>
  typeof input === 'object' && input !== null && complete.has(input);

/**
 * Validates a configuration, its contracts included, and fills in the defaults. What it has returned before, as
 * `defineConfig` does in the user's file, it returns as it is.
 *
 * @throws ConfigError that lists all problems, not only the first
 */
export function parseConfig(input: unknown): HeadgateConfig {
  if (isComplete(input)) return input;
  const result = configSchema.safeParse(input);
  if (!result.success) throw new ConfigError(result.error.issues.map((issue) => describeIssue(issue, input)));
  const problems = checkContracts(result.data);
  if (problems.length > 0) throw new ConfigError(problems);
  complete.add(result.data);
  return result.data;
}

/** Declares the sources of a Headgate deployment. The default export of headgate.config.ts. */
export function defineConfig(config: HeadgateConfigInput): HeadgateConfig {
  return parseConfig(config);
}
