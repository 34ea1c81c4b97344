import type { Telemetry } from '../../ports/telemetry.ts';

/** Says nothing: metrics are of functions, and commands report what they did themselves. */
export const SILENT_TELEMETRY: Telemetry = {
  begin: () => undefined,
  count: () => undefined,
  record: () => undefined,
  log: () => undefined,
  flush: () => undefined,
};
