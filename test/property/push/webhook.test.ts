import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HttpProblem } from '../../../lambdas/middleware/problems.ts';
import {
  declareWebhook,
  PRESETS,
  SECRET,
  SIGNATURES,
  SIGNERS,
  WebhookWorld,
  WHSEC,
  type Preset,
} from '../../support/webhooks.ts';

/** Headers that say who sent what, as opposed to those that only name the delivery. */
const SIGNED_HEADERS: Readonly<Record<Preset, readonly string[]>> = {
  'standard-webhooks': ['webhook-id', 'webhook-timestamp', 'webhook-signature'],
  github: ['x-hub-signature-256'],
  stripe: ['stripe-signature'],
  shopify: ['x-shopify-hmac-sha256'],
  slack: ['x-slack-request-timestamp', 'x-slack-signature'],
  hmac: ['x-sign', 'x-time', 'x-id'],
};

const SOURCES = Object.fromEntries(
  PRESETS.map((preset) => [preset, declareWebhook(SIGNATURES[preset])]),
) as Record<Preset, ReturnType<typeof declareWebhook>>;

const preset = fc.constantFrom(...PRESETS);
/** Bodies of any bytes, so that nothing depends on their being JSON or UTF-8. */
const body = fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => Buffer.from(bytes));
const secret = fc
  .uint8Array({ minLength: 24, maxLength: 64 })
  .map((bytes) => Buffer.from(bytes).toString('base64'));

async function isAccepted(
  world: WebhookWorld,
  name: Preset,
  headers: Readonly<Record<string, string>>,
  bytes: Buffer,
): Promise<boolean> {
  try {
    await world.verify(SOURCES[name], headers, bytes);
    return true;
  } catch (error) {
    if (error instanceof HttpProblem && error.problem === 'unauthorized') return false;
    throw error;
  }
}

describe('a delivery is what was signed, byte by byte', () => {
  test('what is signed is verified, and a change of one byte of the body is refused', async () => {
    await fc.assert(
      fc.asyncProperty(
        preset,
        body,
        secret,
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        async (name, bytes, key, at, xor) => {
          const world = new WebhookWorld({ values: { [SECRET]: key } });
          const headers = SIGNERS[name]({ body: bytes, secret: key, atMs: world.clock.nowMs() });
          expect(await isAccepted(world, name, headers, bytes)).toBe(true);
          const changed = Buffer.from(bytes);
          const index = at % bytes.length;
          changed[index] = (changed[index] ?? 0) ^ xor;
          expect(await isAccepted(world, name, headers, changed)).toBe(false);
          expect(await isAccepted(world, name, headers, bytes.subarray(0, -1))).toBe(false);
          expect(await isAccepted(world, name, headers, Buffer.concat([bytes, Buffer.of(xor)]))).toBe(false);
        },
      ),
    );
  });

  test('a change of one character of a header is refused, the time in it included', async () => {
    const character = fc.integer({ min: 0x21, max: 0xff }).map((code) => String.fromCharCode(code));
    await fc.assert(
      fc.asyncProperty(
        preset,
        body,
        fc.nat(),
        fc.nat(),
        character,
        async (name, bytes, which, at, replacement) => {
          const world = new WebhookWorld();
          const headers = { ...SIGNERS[name]({ body: bytes, secret: WHSEC, atMs: world.clock.nowMs() }) };
          const names = SIGNED_HEADERS[name];
          const header = names[which % names.length] ?? '';
          // What Stripe signs under v0 is to be ignored; everything else in its header counts.
          const length = (headers[header] ?? '').split(',v0')[0]?.length ?? 0;
          const text = headers[header] ?? '';
          const index = at % length;
          // Hexadecimal digits are the same in either case.
          fc.pre(text.charAt(index).toLowerCase() !== replacement.toLowerCase());
          headers[header] = text.slice(0, index) + replacement + text.slice(index + 1);
          expect(await isAccepted(world, name, headers, bytes)).toBe(false);
        },
      ),
    );
  });

  test('a change of one byte of the secret is refused', async () => {
    await fc.assert(
      fc.asyncProperty(
        preset,
        body,
        secret,
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        async (name, bytes, key, at, xor) => {
          const raw = Buffer.from(key, 'base64');
          const index = at % raw.length;
          raw[index] = (raw[index] ?? 0) ^ xor;
          const world = new WebhookWorld({ values: { [SECRET]: key } });
          const headers = SIGNERS[name]({
            body: bytes,
            secret: raw.toString('base64'),
            atMs: world.clock.nowMs(),
          });
          expect(await isAccepted(world, name, headers, bytes)).toBe(false);
        },
      ),
    );
  });
});

describe('whatever is sent, the answer is a problem or a delivery', () => {
  /** Headers that look like signatures, or like nothing. */
  const value = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 80 }),
    fc.string({ unit: 'grapheme-ascii', maxLength: 80 }),
    fc
      .tuple(
        fc.constantFrom('v1,', 'v1a,', 'sha256=', 'v0=', 't=', 'v1=', 't=1,v1=', 'sig=', ''),
        fc.uint8Array({ maxLength: 80 }),
        fc.constantFrom('hex', 'base64'),
        fc.constantFrom('', ' ', ',', ' v1,', ',v1='),
      )
      .map(([prefix, bytes, encoding, end]) => prefix + Buffer.from(bytes).toString(encoding as 'hex') + end),
    fc.integer({ min: -1, max: 4_000_000_000 }).map(String),
    fc.constantFrom('__proto__', 'constructor', 'NaN', '1e3', '\r\nx: y', '9'.repeat(400)),
  );
  const names = [
    ...new Set(Object.values(SIGNED_HEADERS).flat()),
    'content-type',
    '__proto__',
    'constructor',
  ];
  const headers = fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 12 });

  test('random headers are never accepted and never a failure of ours', async () => {
    await fc.assert(
      fc.asyncProperty(preset, headers, body, async (name, sent, bytes) => {
        const world = new WebhookWorld();
        expect(await isAccepted(world, name, sent, bytes)).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  test('random headers beside right ones are 401 or 415, or they did not matter', async () => {
    await fc.assert(
      fc.asyncProperty(preset, headers, body, async (name, sent, bytes) => {
        const world = new WebhookWorld();
        const right = SIGNERS[name]({ body: bytes, secret: WHSEC, atMs: world.clock.nowMs() });
        try {
          const delivery = await world.verify(SOURCES[name], { ...right, ...sent }, bytes);
          expect(delivery.id ?? 'none').toMatch(/^[ -~]{1,255}$/);
        } catch (error) {
          expect(error).toBeInstanceOf(HttpProblem);
          expect(['unauthorized', 'unsupported-media-type']).toContain((error as HttpProblem).problem);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('any document under a right signature has an id of 1 to 255 ASCII characters, or none', async () => {
    await fc.assert(
      fc.asyncProperty(preset, fc.jsonValue(), async (name, document) => {
        const world = new WebhookWorld();
        const text = JSON.stringify(document);
        const signed = SIGNERS[name]({ body: text, secret: WHSEC, atMs: world.clock.nowMs() });
        const { id } = await world.verify(SOURCES[name], signed, text);
        if (id !== undefined) expect(id).toMatch(/^[ -~]{1,255}$/);
      }),
    );
  });
});

test('two deliveries have one id only where their services say that they are one', async () => {
  /** What the service says: an id in the body or a signed header alone, one that is not signed with the body. */
  const identityOf = (name: Preset, id: string, text: string): string => {
    if (name === 'stripe') return String((JSON.parse(text) as { id: unknown }).id);
    if (name === 'slack') return String((JSON.parse(text) as { event_id: unknown }).event_id);
    if (name === 'standard-webhooks' || name === 'hmac') return id;
    return createHmac('md5', 'x')
      .update(JSON.stringify([id, text]))
      .digest('hex');
  };
  const few = fc.constantFrom('a', 'b', 'ab', 'ä', 'x'.repeat(300));
  const document = fc.record({ id: few, event_id: few, n: fc.nat(1) }).map((value) => JSON.stringify(value));
  await fc.assert(
    fc.asyncProperty(
      preset,
      fc.tuple(fc.constantFrom('a', 'b', 'ab'), document),
      fc.tuple(fc.constantFrom('a', 'b', 'ab'), document),
      async (name, ...sent) => {
        const world = new WebhookWorld();
        const ids = await Promise.all(
          sent.map(async ([id, text]) => {
            const signed = SIGNERS[name]({ body: text, secret: WHSEC, atMs: world.clock.nowMs(), id });
            return (await world.verify(SOURCES[name], signed, text)).id;
          }),
        );
        const [one, other] = sent.map(([id, text]) => identityOf(name, id, text));
        expect(ids[0] === ids[1]).toBe(one === other);
      },
    ),
  );
});
