/** Values that are set per deployment and read at run time (SSM parameters; SecureString for secrets). */
export interface ParameterStore {
  /**
   * @throws BlockedError with code `PARAMETER_MISSING` that names the parameter and how to set it
   */
  get(name: string): Promise<string>;
}
