/**
 * The embedded cloud cannot do what was asked. The message names the problem and, in its last sentence, what to do
 * about it; commands print it without a stack.
 */
export class CloudError extends Error {
  constructor(problem: string, remedy: string, options?: ErrorOptions) {
    super(`${problem}\n  ${remedy}`, options);
    this.name = 'CloudError';
  }
}
