import { requireHeader, unverified, type Headers } from '../headers.ts';
import { secondsToMs, toTextKey, type Claim, type Scheme } from '../scheme.ts';

/**
 * Stripe: `Stripe-Signature: t=<seconds>,v1=<hex>,v1=<hex>`, HMAC-SHA256 of `<t>.<body>`, one v1 for each secret that is
 * active while a secret is rolled; other schemes (v0) are to be ignored. The secret is used as it is, `whsec_` included.
 * Each attempt has a time and signatures of its own; the event is recognised by its `id` in the body.
 *
 * Source: https://docs.stripe.com/webhooks#verify-manually and https://docs.stripe.com/webhooks#handle-duplicate-events
 * (November 2026).
 */
export function stripe(toleranceMs: number): Scheme {
  return {
    toleranceMs,
    idPath: ['id'],
    toKey: toTextKey('hex'),
    read(headers: Headers, body: Buffer): Claim {
      const hint = 'Stripe sends it to the endpoints of its dashboard (Developers, Webhooks)';
      const fields = requireHeader(headers, 'stripe-signature', hint)
        .split(',')
        .map((field) => field.trim());
      const valuesOf = (name: string): string[] =>
        fields.filter((field) => field.startsWith(`${name}=`)).map((field) => field.slice(name.length + 1));
      const [timestamp, ...others] = valuesOf('t');
      if (timestamp === undefined || others.length > 0) {
        throw unverified('stripe-signature must be "t=<seconds>,v1=<signature>", with one t');
      }
      return {
        parts: [`${timestamp}.`, body],
        signatures: valuesOf('v1').map((text) => ({ kind: 'hmac', text })),
        signedAtMs: secondsToMs(timestamp, 't of stripe-signature'),
      };
    },
  };
}
