import { createHmac, createPublicKey } from 'node:crypto';
import fc from 'fast-check';
import type { JWTPayload } from 'jose';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createVerifyToken } from '../../../shared/adapters/jwt/create-verify-token.ts';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';
import type { TokenRules, VerifyToken } from '../../../shared/ports/verify-token.ts';
import {
  createKey,
  ISSUER,
  sendJson,
  signToken,
  TokenIssuer,
  type IssuerKey,
} from '../../support/token-issuer.ts';

const RULES: TokenRules = {
  type: 'jwt',
  issuer: ISSUER,
  audience: 'headgate',
  algorithms: ['RS256', 'ES256', 'EdDSA'],
  claims: {},
};
const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;

let issuer: TokenIssuer;
let rsa: IssuerKey;
let clock: ManualClock;
let verifyToken: VerifyToken;

beforeAll(async () => {
  issuer = await TokenIssuer.start();
  rsa = await issuer.addKey('RS256', 'first');
});
afterAll(async () => {
  await issuer.close();
});
beforeEach(() => {
  clock = new ManualClock();
  verifyToken = createVerifyToken({ clock, fetch: issuer.fetch });
  issuer.keys = [rsa.jwk];
  issuer.asked.length = 0;
});
afterEach(() => {
  issuer.answers.clear();
});

/** Claims that the rules ask for, an hour before they expire. */
function claims(changed: JWTPayload = {}): JWTPayload {
  const nowSeconds = clock.nowMs() / SECOND_MS;
  return { iss: ISSUER, aud: 'headgate', sub: 'shop', exp: nowSeconds + 3600, ...changed };
}

async function check(changed: JWTPayload, rules: Partial<TokenRules> = {}): Promise<unknown> {
  return await verifyToken({ ...RULES, ...rules }, await signToken(rsa, claims(changed)));
}

const VALID = { status: 'valid', issuer: ISSUER, subject: 'shop' };
const invalid = (problem: RegExp): unknown => ({
  status: 'invalid',
  problem: expect.stringMatching(problem) as string,
});

/** A token of three parts that nobody has signed, with this signature in their place. */
function forge(header: unknown, payload: unknown, signature: (signed: string) => string): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part(header)}.${part(payload)}`;
  return `${signed}.${signature(signed)}`;
}

describe('a token of the issuer', () => {
  test.each(['RS256', 'ES256', 'EdDSA'])('is valid when it is signed with %s', async (alg) => {
    const key = await issuer.addKey(alg);
    expect(await verifyToken(RULES, await signToken(key, claims()))).toEqual(VALID);
  });

  test('is valid for one audience of several, and without a "kid" where only one key fits', async () => {
    expect(await check({ aud: ['other', 'headgate'] })).toEqual(VALID);
    expect(await verifyToken(RULES, await signToken(rsa, claims(), { kid: undefined }))).toEqual(VALID);
    await issuer.addKey('RS256', 'second');
    clock.advance(10 * MINUTE_MS);
    expect(await verifyToken(RULES, await signToken(rsa, claims(), { kid: undefined }))).toEqual(
      invalid(/must name its key in "kid"/),
    );
  });

  test.each([
    ['another issuer', { iss: 'https://login.example.com/' }, /"iss" is not/],
    ['no issuer', { iss: undefined }, /"iss" is missing/],
    ['another audience', { aud: 'elsewhere' }, /"aud" is not/],
    ['no audience', { aud: undefined }, /"aud" is missing/],
    ['no subject', { sub: undefined }, /"sub" is missing/],
    ['an empty subject', { sub: '' }, /no "sub"/],
    ['a subject that is no text', { sub: 5 as unknown as string }, /no "sub"/],
    ['no end', { exp: undefined }, /"exp" is missing/],
    ['an end that is no number', { exp: '9999999999' as unknown as number }, /"exp" is not/],
  ])('with %s is invalid', async (_name, changed, problem) => {
    expect(await check(changed)).toEqual(invalid(problem));
  });

  test('is valid from "nbf" to "exp", give or take 30 seconds', async () => {
    const nowSeconds = clock.nowMs() / SECOND_MS;
    expect(await check({ exp: nowSeconds - 29 })).toEqual(VALID);
    expect(await check({ exp: nowSeconds - 30 })).toEqual(invalid(/expired/));
    expect(await check({ nbf: nowSeconds + 30 })).toEqual(VALID);
    expect(await check({ nbf: nowSeconds + 31 })).toEqual(invalid(/"nbf" lies in the future/));
  });

  test('whose algorithm is not in the list of the source is invalid, before the issuer is asked', async () => {
    const token = await signToken(rsa, claims());
    expect(await verifyToken({ ...RULES, algorithms: ['ES256'] }, token)).toEqual(
      invalid(/this source allows ES256/),
    );
    expect(issuer.asked).toEqual([]);
  });

  test('that uses an extension that must be understood is invalid', async () => {
    const header = { alg: 'RS256', kid: 'first', crit: ['own'], own: true };
    const [, payload = '', signature = ''] = (await signToken(rsa, claims())).split('.');
    const crit = Buffer.from(JSON.stringify(header)).toString('base64url');
    expect((await verifyToken(RULES, `${crit}.${payload}.${signature}`)).status).toBe('invalid');
  });
});

describe('claims that the source asks for', () => {
  test.each([
    ['the same text', { tenant: 'a b' }, { tenant: 'a b' }, true],
    ['one of a list', { roles: ['read', 'write'] }, { roles: 'write' }, true],
    ['one of the scopes', { scope: 'openid ingest' }, { scope: 'ingest' }, true],
    ['one of the scopes as Microsoft writes them', { scp: 'openid ingest' }, { scp: 'ingest' }, true],
    ['a part of a scope', { scope: 'ingest.read' }, { scope: 'ingest' }, false],
    ['a word of a text that is no list', { tenant: 'a b' }, { tenant: 'a' }, false],
    ['another text', { tenant: 'b' }, { tenant: 'a' }, false],
    ['a number', { tenant: 1 }, { tenant: '1' }, false],
    ['nothing', {}, { tenant: 'a' }, false],
    ['what every object has', {}, { constructor: 'a' }, false],
    ['one of two', { tenant: 'a' }, { tenant: 'a', scope: 'ingest' }, false],
  ])('%s', async (_name, payload, asked, isEnough) => {
    const verdict = await check(payload, { claims: asked });
    if (isEnough) expect(verdict).toEqual(VALID);
    else expect(verdict).toMatchObject({ status: 'insufficient' });
  });
});

describe('a token that somebody else made', () => {
  test('is invalid without a signature, whatever it calls that', async () => {
    for (const alg of ['none', 'None', 'NONE', '']) {
      const token = forge({ alg, kid: 'first' }, claims(), () => '');
      expect((await verifyToken(RULES, token)).status).toBe('invalid');
    }
  });

  test('is invalid when the public key served as the secret of an HMAC', async () => {
    const publicKey = createPublicKey({ key: rsa.jwk, format: 'jwk' });
    const secrets = [
      publicKey.export({ type: 'spki', format: 'pem' }),
      publicKey.export({ type: 'spki', format: 'der' }),
      JSON.stringify(rsa.jwk),
    ];
    for (const secret of secrets) {
      const token = forge({ alg: 'HS256', kid: 'first' }, claims(), (signed) =>
        createHmac('sha256', secret).update(signed).digest('base64url'),
      );
      expect(await verifyToken(RULES, token)).toEqual(invalid(/algorithm is not allowed/));
    }
  });

  test('is invalid with a key of its own, also when it brings the key along', async () => {
    const own = await createKey('RS256', 'first');
    for (const header of [{}, { jwk: own.jwk }, { jku: 'https://evil.example.com/keys' }]) {
      const token = await signToken(own, claims(), header);
      expect(await verifyToken(RULES, token)).toEqual(invalid(/signature does not hold/));
    }
    expect(issuer.asked).toEqual([issuer.discoveryPath, issuer.keysPath]);
  });

  test('is invalid with a key of the issuer that is not for its algorithm, or not for signatures', async () => {
    const ec = await createKey('ES256', 'ec');
    issuer.keys = [
      { ...ec.jwk, use: 'enc' },
      { ...rsa.jwk, kid: 'pss', alg: 'PS256' },
    ];
    expect(await verifyToken(RULES, await signToken(ec, claims()))).toEqual(invalid(/no such key/));
    expect(await verifyToken(RULES, await signToken({ ...rsa, kid: 'pss' }, claims()))).toEqual(
      invalid(/no such key/),
    );
  });

  test('is invalid after any change of one character', async () => {
    const token = await signToken(rsa, claims());
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: token.length - 1 }),
        fc.constantFrom('A', 'B', 'Z', 'a', 'z', '0', '9', '-', '_', '.', '='),
        async (at, char) => {
          const changed = token.slice(0, at) + char + token.slice(at + 1);
          const decoded = (text: string): string[] =>
            text.split('.').map((part) => Buffer.from(part, 'base64url').toString('base64url'));
          // The last character of a part has bits that stand for nothing.
          fc.pre(JSON.stringify(decoded(changed)) !== JSON.stringify(decoded(token)));
          expect((await verifyToken(RULES, changed)).status).toBe('invalid');
        },
      ),
      { numRuns: 300 },
    );
  });

  test('is invalid and no failure, whatever it is, and what is said of it repeats no part of it', async () => {
    const part = fc.oneof(
      fc.string(),
      fc.json().map((text) => Buffer.from(text).toString('base64url')),
      fc
        .record(
          {
            alg: fc.constantFrom('RS256', 'ES256', 'EdDSA', 'none', 'HS256', 'PS512'),
            kid: fc.oneof(fc.constant('first'), fc.string(), fc.integer()),
            typ: fc.string(),
            b64: fc.boolean(),
            crit: fc.oneof(fc.array(fc.string()), fc.integer()),
          },
          { requiredKeys: [] },
        )
        .map((header) => Buffer.from(JSON.stringify(header)).toString('base64url')),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 6 }), async (parts) => {
        const token = parts.join('.');
        const verdict = await verifyToken(RULES, token);
        expect(verdict.status).toBe('invalid');
        if (token.length > 12)
          expect(JSON.stringify(verdict)).not.toContain(JSON.stringify(token).slice(1, -1));
      }),
      { numRuns: 500 },
    );
  });
});

describe('keys of the issuer', () => {
  test('are found by discovery, or at jwksUrl without it, and are read again after ten minutes', async () => {
    const token = await signToken(rsa, claims());
    await verifyToken(RULES, token);
    clock.advance(10 * MINUTE_MS - 1);
    await verifyToken(RULES, token);
    expect(issuer.asked).toEqual([issuer.discoveryPath, issuer.keysPath]);
    clock.advance(1);
    await verifyToken(RULES, token);
    expect(issuer.asked).toHaveLength(4);
    issuer.asked.length = 0;
    const rules = { ...RULES, jwksUrl: 'https://keys.example.com/keys' };
    expect(await verifyToken(rules, token)).toEqual(VALID);
    expect(issuer.asked).toEqual([issuer.keysPath]);
  });

  test('that are new are found half a minute after the last reading, those that are gone not after ten minutes', async () => {
    const old = await signToken(rsa, claims());
    expect(await verifyToken(RULES, old)).toEqual(VALID);
    issuer.keys = [];
    const key = await issuer.addKey('RS256', 'second');
    const fresh = await signToken(key, claims());
    clock.advance(30 * SECOND_MS - 1);
    expect(await verifyToken(RULES, fresh)).toEqual(invalid(/no such key/));
    clock.advance(1);
    expect(await verifyToken(RULES, fresh)).toEqual(VALID);
    expect(await verifyToken(RULES, old)).toEqual(invalid(/no such key/));
  });

  test('are read twice a minute at most, however many tokens name unknown keys', async () => {
    for (let second = 0; second < 120; second++) {
      for (const kid of ['x', 'y']) {
        const token = forge({ alg: 'RS256', kid: `${kid}${String(second)}` }, claims(), () => 'AAAA');
        expect(await verifyToken(RULES, token)).toEqual(invalid(/no such key/));
      }
      clock.advance(SECOND_MS);
    }
    expect(issuer.asked.filter((path) => path === issuer.keysPath)).toHaveLength(4);
  });

  test('are read once for tokens that come together', async () => {
    const token = await signToken(rsa, claims());
    const verdicts = await Promise.all(Array.from({ length: 5 }, () => verifyToken(RULES, token)));
    expect(verdicts).toEqual(Array(5).fill(VALID));
    expect(issuer.asked).toEqual([issuer.discoveryPath, issuer.keysPath]);
  });

  test.each<[string, (issuer: TokenIssuer) => void, RegExp]>([
    [
      'a server error',
      ({ answers, keysPath }) => answers.set(keysPath, (_, response) => response.writeHead(503).end()),
      /answered 503/,
    ],
    [
      'a broken connection',
      ({ answers, keysPath }) => answers.set(keysPath, (request) => request.destroy()),
      /cannot be reached/,
    ],
    [
      'text',
      ({ answers, keysPath }) => answers.set(keysPath, (_, response) => response.end('<html>')),
      /not a JSON object/,
    ],
    [
      'JSON that is no key set',
      ({ answers, keysPath }) =>
        answers.set(keysPath, (_, response) => {
          sendJson(response, { keys: 'none' });
        }),
      /not a set of keys/,
    ],
    [
      'a redirect',
      ({ answers, keysPath }) =>
        answers.set(keysPath, (_, response) => response.writeHead(302, { location: '/other' }).end()),
      /answered 302/,
    ],
    [
      'a document without an end',
      ({ answers, keysPath }) =>
        answers.set(keysPath, (_, response) => {
          const more = (): void => {
            while (response.write('x'.repeat(65_536)));
            response.once('drain', more);
          };
          more();
        }),
      /more than 262144 bytes/,
    ],
    [
      'another issuer in its configuration',
      ({ answers, discoveryPath }) =>
        answers.set(discoveryPath, (_, response) => {
          sendJson(response, {
            issuer: 'https://evil.example.com',
            jwks_uri: 'https://keys.example.com/keys',
          });
        }),
      /names another issuer/,
    ],
    [
      'no address of keys in its configuration',
      ({ answers, discoveryPath }) =>
        answers.set(discoveryPath, (_, response) => {
          sendJson(response, { issuer: ISSUER });
        }),
      /no jwks_uri/,
    ],
    [
      'keys over plain http',
      ({ answers, discoveryPath }) =>
        answers.set(discoveryPath, (_, response) => {
          sendJson(response, { issuer: ISSUER, jwks_uri: 'http://keys.example.com/keys' });
        }),
      /not an https URL/,
    ],
  ])('that cannot be read leave a token undecided: %s', async (_name, breakIssuer, reason) => {
    breakIssuer(issuer);
    const token = await signToken(rsa, claims());
    const verdict = await verifyToken(RULES, token);
    expect(verdict).toEqual({
      status: 'undecided',
      reason: expect.stringMatching(reason) as string,
      retryAfterMs: 10 * SECOND_MS,
    });
    issuer.answers.clear();
    issuer.asked.length = 0;
    clock.advance(9 * SECOND_MS);
    expect(await verifyToken(RULES, token)).toMatchObject({ status: 'undecided', retryAfterMs: SECOND_MS });
    expect(issuer.asked).toEqual([]);
    clock.advance(SECOND_MS);
    expect(await verifyToken(RULES, token)).toEqual(VALID);
  });

  test('that were read before are believed for an hour while the issuer does not answer', async () => {
    const token = await signToken(rsa, claims({ exp: clock.nowMs() / SECOND_MS + 7200 }));
    expect(await verifyToken(RULES, token)).toEqual(VALID);
    issuer.answers.set(issuer.discoveryPath, (request) => request.destroy());
    clock.advance(60 * MINUTE_MS - 1);
    expect(await verifyToken(RULES, token)).toEqual(VALID);
    // Whether the issuer has a new key is not known.
    const unknown = await signToken({ ...rsa, kid: 'new' }, claims());
    expect(await verifyToken(RULES, unknown)).toMatchObject({ status: 'undecided' });
    clock.advance(1);
    expect(await verifyToken(RULES, token)).toMatchObject({ status: 'undecided' });
  });

  test('of two issuers are kept apart', async () => {
    const token = await signToken(rsa, claims());
    expect(await verifyToken(RULES, token)).toEqual(VALID);
    issuer.answers.set(issuer.discoveryPath, (_, response) => response.writeHead(404).end());
    const other = { ...RULES, issuer: 'https://other.example.com/tenant' };
    expect(await verifyToken(other, token)).toMatchObject({ status: 'undecided' });
  });

  test('that never come are waited for four seconds', async () => {
    issuer.answers.set(issuer.keysPath, () => undefined);
    const startMs = performance.now();
    const verdict = await verifyToken(RULES, await signToken(rsa, claims()));
    expect(verdict).toMatchObject({
      status: 'undecided',
      reason: expect.stringContaining('TimeoutError') as string,
    });
    expect(performance.now() - startMs).toBeGreaterThan(3_900);
    expect(performance.now() - startMs).toBeLessThan(5_500);
  }, 10_000);
});
