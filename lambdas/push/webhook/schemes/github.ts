import { requireHeader, unverified, type Headers } from '../headers.ts';
import { toTextKey, unsignedId, type Claim, type Scheme } from '../scheme.ts';

const PREFIX = 'sha256=';

/**
 * GitHub: HMAC-SHA256 of the body in X-Hub-Signature-256, in hex after `sha256=`. X-GitHub-Delivery names the event and
 * stays the same when it is redelivered; it is not signed. There is no time in it. The older X-Hub-Signature (SHA-1) is
 * not looked at.
 *
 * Source: https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries and
 * https://docs.github.com/en/webhooks/using-webhooks/best-practices-for-using-webhooks (November 2026).
 */
export function github(): Scheme {
  return {
    toleranceMs: undefined,
    toKey: toTextKey('hex'),
    read(headers: Headers, body: Buffer): Claim {
      const hint = 'set a secret in the settings of the webhook at GitHub';
      const signature = requireHeader(headers, 'x-hub-signature-256', hint);
      if (!signature.startsWith(PREFIX)) throw unverified(`x-hub-signature-256 must begin with ${PREFIX}`);
      return {
        parts: [body],
        signatures: [{ kind: 'hmac', text: signature.slice(PREFIX.length) }],
        id: unsignedId(headers, 'x-github-delivery'),
      };
    },
  };
}
