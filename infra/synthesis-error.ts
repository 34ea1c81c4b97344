/** The app cannot be synthesised, and the message says why and what to do; a stack trace would hide it. */
export class SynthesisError extends Error {
  override readonly name = 'SynthesisError';
}
