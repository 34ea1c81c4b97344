import { SynthesisError } from './synthesis-error.ts';

/** What `-c name=value` says about a synthesis. */
export interface SynthesisContext {
  /** The configuration, relative to the working directory. */
  readonly configFile: string;
  /** For the embedded cloud. */
  readonly embedded: boolean;
  /** Data may go with its stack; the configuration must agree. */
  readonly destroy: boolean;
}

/**
 * Reads the context values of Headgate.
 *
 * @throws SynthesisError that names the value, what it is and what it may be
 */
export function readContext(read: (name: string) => unknown): SynthesisContext {
  const configFile = read('config') ?? 'headgate.config.ts';
  if (typeof configFile !== 'string' || configFile === '') {
    throw new SynthesisError(
      `-c config=${JSON.stringify(configFile)}: must be the path of a configuration file`,
    );
  }
  return { configFile, embedded: flag(read, 'embedded'), destroy: flag(read, 'destroy') };
}

/** A flag is true or false; anything else is a mistake that must not pass for "no". */
function flag(read: (name: string) => unknown, name: string): boolean {
  const value = read(name) ?? false;
  if (value === false || value === 'false') return false;
  if (value === true || value === 'true') return true;
  throw new SynthesisError(`-c ${name}=${JSON.stringify(value)}: must be true or false`);
}
