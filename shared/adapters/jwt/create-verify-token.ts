import { errors, jwtVerify, type JWTPayload } from 'jose';
import type { Clock } from '../../ports/clock.ts';
import type { TokenRules, TokenVerdict, VerifyToken } from '../../ports/verify-token.ts';
import type { Fetch } from './fetch-json.ts';
import { IssuerKeys, KeysUnavailable } from './issuer-keys.ts';

/** How far the clocks of the issuer and of this function may differ. */
const CLOCK_TOLERANCE_SECONDS = 30;

export interface VerifyTokenDeps {
  readonly clock: Clock;
  /** Reads the documents of issuers. */
  readonly fetch: Fetch;
}

/**
 * Makes the check of tokens (JWT, RFC 7519, signed as RFC 7515 says). The public keys of each issuer are read when the
 * first token comes and kept between requests.
 */
export function createVerifyToken({ clock, fetch }: VerifyTokenDeps): VerifyToken {
  const issuers = new Map<string, IssuerKeys>();

  function keysOf({ issuer, jwksUrl }: TokenRules): IssuerKeys {
    const name = JSON.stringify([issuer, jwksUrl]);
    let keys = issuers.get(name);
    if (keys === undefined) {
      keys = new IssuerKeys({ address: { issuer, jwksUrl }, fetch, clock });
      issuers.set(name, keys);
    }
    return keys;
  }

  return async (rules, token) => {
    try {
      const { payload } = await jwtVerify(token, keysOf(rules).find, {
        issuer: rules.issuer,
        audience: rules.audience,
        algorithms: rules.algorithms,
        requiredClaims: ['exp', 'sub'],
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        currentDate: new Date(clock.nowMs()),
      });
      return judge(rules, payload);
    } catch (error) {
      if (error instanceof KeysUnavailable) {
        return { status: 'undecided', reason: error.message, retryAfterMs: error.retryAfterMs };
      }
      // Whatever else stands in the way, of this library or of the key's own, nothing is proven.
      return { status: 'invalid', problem: problemOf(error, rules) };
    }
  };
}

function judge(rules: TokenRules, payload: JWTPayload): TokenVerdict {
  const { sub: subject } = payload;
  if (typeof subject !== 'string' || subject === '') return { status: 'invalid', problem: 'it has no "sub"' };
  for (const [claim, text] of Object.entries(rules.claims)) {
    if (!hasText(claim, payload[claim], text)) return { status: 'insufficient', claim };
  }
  return { status: 'valid', issuer: rules.issuer, subject };
}

/** Claims that are lists written as one text, with spaces (RFC 8693, section 4.2). Microsoft calls it `scp`. */
const SPACE_SEPARATED: ReadonlySet<string> = new Set(['scope', 'scp']);

/** Whether a claim is this text, or a list that contains it. */
function hasText(claim: string, value: unknown, text: string): boolean {
  if (Array.isArray(value)) return value.includes(text);
  if (value === text) return true;
  return SPACE_SEPARATED.has(claim) && typeof value === 'string' && value.split(' ').includes(text);
}

/** What is wrong with a token, without any part of it. */
function problemOf(error: unknown, { algorithms }: TokenRules): string {
  if (error instanceof errors.JWTExpired) return 'it has expired; get a new one';
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === 'nbf') return 'its "nbf" lies in the future';
    const what = error.reason === 'missing' ? 'is missing' : 'is not the one that this source asks for';
    return `its "${error.claim}" ${what}`;
  }
  if (error instanceof errors.JOSEAlgNotAllowed) {
    return `its algorithm is not allowed; this source allows ${algorithms.join(', ')}`;
  }
  if (error instanceof errors.JWKSNoMatchingKey) return 'its issuer has no such key';
  if (error instanceof errors.JWKSMultipleMatchingKeys) {
    return 'it must name its key in "kid", because its issuer has several';
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'its signature does not hold';
  if (error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid)
    return 'it is not a signed JWT';
  return 'it cannot be checked with the key of its issuer';
}
