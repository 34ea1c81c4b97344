import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createAuthenticate } from '../../../lambdas/push/authenticate.ts';
import { HttpProblem } from '../../../lambdas/middleware/problems.ts';
import { createVerifyToken } from '../../../shared/adapters/jwt/create-verify-token.ts';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';
import { MemoryTelemetry } from '../../../shared/adapters/memory/memory-telemetry.ts';
import { MemoryWriteKeyStore } from '../../../shared/adapters/memory/memory-write-key-store.ts';
import { hashWriteKey, toWriteKey } from '../../../shared/domain/write-key.ts';
import { pushEvent, pushSource } from '../../support/push-source.ts';

const KEY = toWriteKey('orders', new Uint8Array(32).fill(1));
const REVOKED = toWriteKey('orders', new Uint8Array(32).fill(2));
const OTHER = toWriteKey('clicks', new Uint8Array(32).fill(3));
const SOURCES = [
  pushSource('orders', {}),
  pushSource('tokens', { auth: { type: 'jwt', issuer: 'https://login.example.com', audience: 'headgate' } }),
  pushSource('signed', { auth: { type: 'iam' } }),
];

const keys = new MemoryWriteKeyStore();
for (const [key, source] of [
  [KEY, 'orders'],
  [REVOKED, 'orders'],
  [OTHER, 'clicks'],
] as const) {
  await keys.create({ hash: hashWriteKey(key), source, createdAtMs: 1 });
}
await keys.revoke('orders', hashWriteKey(REVOKED));
const clock = new ManualClock();
const telemetry = new MemoryTelemetry();
const authenticate = createAuthenticate({
  keys,
  clock,
  telemetry,
  verifyToken: createVerifyToken({ clock, fetch: () => Promise.resolve(Response.json({ keys: [] })) }),
});

/** Keys that are nearly right: cut, longer, in another case, with one character changed. */
const nearlyKey = fc
  .tuple(
    fc.constantFrom(KEY, REVOKED, OTHER),
    fc.nat({ max: 80 }),
    fc.constantFrom('cut', 'longer', 'upper', 'changed', 'whole'),
  )
  .map(([key, at, how]) => {
    if (how === 'cut') return key.slice(0, at % key.length);
    if (how === 'longer') return `${key.slice(0, at)}x${key.slice(at)}`;
    if (how === 'upper') return key.toUpperCase();
    const place = at % key.length;
    if (how === 'changed')
      return `${key.slice(0, place)}${key[place] === 'x' ? 'y' : 'x'}${key.slice(place + 1)}`;
    return key === KEY ? REVOKED : key;
  });
const credentials = fc.oneof(nearlyKey, fc.string(), fc.string({ unit: 'binary' }), fc.base64String());
const header = fc.oneof(
  fc.constantFrom(`Bearer ${OTHER}`, `bearer  ${REVOKED}`, `Basic ${btoa(`${OTHER}:${KEY}`)}`),
  fc.string({ unit: 'binary' }),
  credentials,
  fc
    .tuple(
      fc.constantFrom('Bearer', 'bearer', 'BASIC', 'Basic', 'Digest', 'AWS4-HMAC-SHA256', ''),
      fc.constantFrom(' ', '', '  ', '\t', ', '),
      credentials,
      fc.boolean(),
    )
    .map(
      ([scheme, gap, text, isEncoded]) =>
        `${scheme}${gap}${isEncoded ? Buffer.from(text).toString('base64') : text}`,
    ),
);

test('no Authorization header but the right one lets anybody in, makes the check fail or is repeated', async () => {
  const problems = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...SOURCES),
      fc.option(header, { nil: undefined }),
      async (source, authorization) => {
        fc.pre(authorization?.includes(KEY) !== true);
        const refusal: unknown = await authenticate(source, pushEvent({ authorization })).catch(
          (error: unknown) => error,
        );
        if (!(refusal instanceof HttpProblem)) throw new Error('not a refusal', { cause: refusal });
        expect(['unauthorized', 'forbidden']).toContain(refusal.problem);
        const name = `${source.name} ${refusal.problem}`;
        problems.set(name, (problems.get(name) ?? 0) + 1);
        for (const key of [KEY, REVOKED, OTHER]) expect(refusal.message).not.toContain(key);
      },
    ),
    { numRuns: 5000 },
  );
  expect(telemetry.logs).toEqual([]);
  for (const name of [
    'orders unauthorized',
    'orders forbidden',
    'tokens unauthorized',
    'signed unauthorized',
  ]) {
    expect(problems.get(name), name).toBeGreaterThan(0);
  }
  expect(
    await authenticate(SOURCES[0] ?? pushSource('none', {}), pushEvent({ authorization: `Bearer ${KEY}` })),
  ).toMatchObject({ id: expect.stringMatching(/^key:/) as string });
});
