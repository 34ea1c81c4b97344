const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]']);

type Environment = Readonly<Record<string, string | undefined>>;

/** Whether an environment points at an emulator on this machine, not at AWS. */
export function pointsHere({ AWS_ENDPOINT_URL: endpoint }: Environment): boolean {
  return endpoint !== undefined && URL.canParse(endpoint) && LOOPBACK.has(new URL(endpoint).hostname);
}

/**
 * What an environment lacks when it points at an emulator on this machine: a region and credentials, which an emulator
 * wants to see and does not check. Nothing for any other endpoint, and nothing that would replace what is set.
 */
export function localDefaults(env: Environment): Record<string, string> {
  if (!pointsHere(env)) return {};
  const defaults: Record<string, string> = {};
  if (env['AWS_REGION'] === undefined && env['AWS_DEFAULT_REGION'] === undefined)
    defaults['AWS_REGION'] = 'us-east-1';
  if (env['AWS_ACCESS_KEY_ID'] === undefined && env['AWS_PROFILE'] === undefined) {
    defaults['AWS_ACCESS_KEY_ID'] = 'test';
    defaults['AWS_SECRET_ACCESS_KEY'] = 'test';
  }
  return defaults;
}
