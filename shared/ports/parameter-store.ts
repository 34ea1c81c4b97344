/** Values that are set per deployment and read at run time (SSM parameters; SecureString for secrets). */
export interface ParameterStore {
  /**
   * A value is as new as the store says, or newer where the caller asks for it. A value that is known is served on
   * while the store behind it does not answer.
   *
   * @throws BlockedError with code `PARAMETER_MISSING` that names the parameter and how to set it
   */
  get(name: string, options?: ParameterAge): Promise<string>;
}

export interface ParameterAge {
  /** Older values are read again; 0 reads in any case. */
  readonly maxAgeMs?: number;
}
