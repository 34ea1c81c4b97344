import { BlockedError } from './errors.ts';

/** What every parameter store throws for a parameter that was never set. */
export function missingParameter(name: string, options?: ErrorOptions): BlockedError {
  return new BlockedError(
    'PARAMETER_MISSING',
    `the parameter ${name} is not set: create it with ` +
      `aws ssm put-parameter --name '${name}' --type SecureString --value '<value>'`,
    options,
  );
}
