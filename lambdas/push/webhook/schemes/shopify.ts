import { headerOf, requireHeader, type Headers } from '../headers.ts';
import { toTextKey, unsignedId, type Claim, type Scheme } from '../scheme.ts';

/**
 * Shopify: HMAC-SHA256 of the body in X-Shopify-Hmac-Sha256, in base64, with the app's client secret. X-Shopify-Webhook-Id
 * names the delivery and stays the same when it is repeated; it is not signed. X-Shopify-Event-Id does not do: one action
 * of a merchant sets off several deliveries with the same one. Deliveries of Shopify Events have the same headers without
 * `X-`. No time is signed.
 *
 * Source: https://shopify.dev/docs/apps/build/webhooks/verify-deliveries,
 * https://shopify.dev/docs/apps/build/webhooks/delivery-structure and
 * https://shopify.dev/docs/apps/build/events/verify-deliveries (November 2026).
 */
export function shopify(): Scheme {
  return {
    toleranceMs: undefined,
    toKey: toTextKey('base64'),
    read(headers: Headers, body: Buffer): Claim {
      const isEvent =
        headerOf(headers, 'x-shopify-hmac-sha256') === undefined &&
        headerOf(headers, 'shopify-hmac-sha256') !== undefined;
      const brand = isEvent ? 'shopify' : 'x-shopify';
      const hint = 'Shopify sends it with every delivery over HTTPS';
      const signature = requireHeader(headers, `${brand}-hmac-sha256`, hint);
      return {
        parts: [body],
        signatures: [{ kind: 'hmac', text: signature }],
        id: unsignedId(headers, `${brand}-webhook-id`),
      };
    },
  };
}
