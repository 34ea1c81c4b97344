import { BlockedError } from '../../domain/errors.ts';

/**
 * The region of a client. The SDK throws an error without a name or a code where there is none, so it is asked for
 * beforehand.
 *
 * @throws BlockedError with code `REGION_MISSING` when the environment names no region
 */
export async function requireRegion(client: {
  readonly config: { readonly region: () => Promise<string> };
}): Promise<string> {
  try {
    return await client.config.region();
  } catch (error) {
    throw new BlockedError(
      'REGION_MISSING',
      'no AWS region is set: set AWS_REGION, or AWS_PROFILE to a profile with a region; ' +
        'for a deployment on this machine, set AWS_ENDPOINT_URL as "npm start" prints it',
      { cause: error },
    );
  }
}
