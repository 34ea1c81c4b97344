/** The usual exit codes: 128 and the signal's number. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * A signal that is aborted by Ctrl-C (or SIGTERM), with which the process then also ends.
 *
 * @param graceMs how long the process may take to stop what it has started
 */
export function abortOnSignal(graceMs: number): AbortSignal {
  const abort = new AbortController();
  for (const [signal, code] of Object.entries(EXIT_CODES)) {
    process.once(signal, () => {
      abort.abort(new Error(`stopped by ${signal}`));
      process.exitCode = code;
      setTimeout(() => process.exit(code), graceMs).unref();
    });
  }
  return abort.signal;
}
