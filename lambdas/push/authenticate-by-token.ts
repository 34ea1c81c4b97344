import { hash } from 'node:crypto';
import type { Telemetry } from '../../shared/ports/telemetry.ts';
import type { VerifyToken } from '../../shared/ports/verify-token.ts';
import { HttpProblem } from '../middleware/problems.ts';
import type { Authenticate } from './sender.ts';

/** Hexadecimal digits of a subject's hash. */
const ID_DIGITS = 32;

/** What RFC 6750 asks of a refusal, and for requests without a token that it names no error. */
function challenge(error?: 'invalid_token' | 'insufficient_scope'): { headers: Record<string, string> } {
  const realm = 'Bearer realm="headgate"';
  return { headers: { 'www-authenticate': error === undefined ? realm : `${realm}, error="${error}"` } };
}

/** Senders that have a token of the issuer that the source trusts. */
export function createAuthenticateByToken({
  verifyToken,
  telemetry,
}: {
  readonly verifyToken: VerifyToken;
  readonly telemetry: Telemetry;
}): Authenticate {
  return async (source, event) => {
    const { auth } = source.config;
    if (auth.type !== 'jwt') throw new TypeError(`source ${source.name} takes no tokens`);
    const [, token] = /^bearer +(\S+)$/i.exec(event.headers['authorization']?.trim() ?? '') ?? [];
    if (token === undefined) {
      throw new HttpProblem(
        'unauthorized',
        `send "Authorization: Bearer <token>" with a token (JWT) of ${auth.issuer} for the audience "${auth.audience}"`,
        challenge(),
      );
    }
    const verdict = await verifyToken(auth, token);
    switch (verdict.status) {
      case 'valid': {
        const subject = hash('sha256', JSON.stringify([verdict.issuer, verdict.subject]));
        return { id: `sub:${subject.slice(0, ID_DIGITS)}` };
      }
      case 'invalid':
        throw new HttpProblem(
          'unauthorized',
          `the token is not accepted: ${verdict.problem}`,
          challenge('invalid_token'),
        );
      case 'insufficient':
        throw new HttpProblem(
          'forbidden',
          `the token does not have the "${verdict.claim}" that this source asks for; get one that has`,
          challenge('insufficient_scope'),
        );
      case 'undecided': {
        const { reason, retryAfterMs } = verdict;
        telemetry.count('Errors', source.name, 1);
        telemetry.log('error', 'a token could not be checked', { source: source.name, reason });
        throw new HttpProblem(
          'temporary-reduced-capacity',
          'the token cannot be checked now, because its issuer does not answer; nothing was stored: repeat the request as it is',
          { headers: { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) } },
        );
      }
    }
  };
}
