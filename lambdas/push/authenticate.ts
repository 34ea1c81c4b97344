import type { PushSourceConfig } from '../../shared/config/schema.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { Telemetry } from '../../shared/ports/telemetry.ts';
import type { VerifyToken } from '../../shared/ports/verify-token.ts';
import type { WriteKeyStore } from '../../shared/ports/write-key-store.ts';
import { createAuthenticateByKey } from './authenticate-by-key.ts';
import { createAuthenticateByToken } from './authenticate-by-token.ts';
import { authenticateByIam } from './authenticate-by-iam.ts';
import type { Authenticate } from './sender.ts';

export interface AuthenticateDeps {
  readonly keys: WriteKeyStore;
  readonly clock: Clock;
  readonly verifyToken: VerifyToken;
  readonly telemetry: Telemetry;
}

/** Makes the check of senders: by what the source's `auth` says, and by nothing else. */
export function createAuthenticate(deps: AuthenticateDeps): Authenticate {
  const ways: Readonly<Record<PushSourceConfig['auth']['type'], Authenticate>> = {
    key: createAuthenticateByKey(deps),
    jwt: createAuthenticateByToken(deps),
    iam: authenticateByIam,
  };
  return (source, event) => ways[source.config.auth.type](source, event);
}
