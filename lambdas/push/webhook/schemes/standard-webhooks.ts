import { headerOf, requireHeader, type Headers } from '../headers.ts';
import { secondsToMs, toStandardKey, type Claim, type Scheme } from '../scheme.ts';
import type { SentSignature } from '../signing-key.ts';

const KINDS: Readonly<Record<string, SentSignature['kind']>> = { v1: 'hmac', v1a: 'ed25519' };

/** A list such as `v1,<base64> v1a,<base64>`; versions that are not known are passed over, as the specification says. */
function readSignatures(header: string): SentSignature[] {
  return header.split(' ').flatMap((item): SentSignature[] => {
    const at = item.indexOf(',');
    const version = item.slice(0, Math.max(0, at));
    const kind = Object.hasOwn(KINDS, version) ? KINDS[version] : undefined;
    return kind === undefined ? [] : [{ kind, text: item.slice(at + 1) }];
  });
}

/**
 * Standard Webhooks 1.0.0, with HMAC (v1) and Ed25519 (v1a). Services that send by Svix under the older names of the
 * headers (svix-id, …) are understood as well.
 *
 * Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md and
 * https://docs.svix.com/receiving/verifying-payloads/how-manual (November 2026).
 */
export function standardWebhooks(toleranceMs: number): Scheme {
  return {
    toleranceMs,
    toKey: toStandardKey,
    read(headers: Headers, body: Buffer): Claim {
      const isOldName =
        headerOf(headers, 'webhook-signature') === undefined &&
        headerOf(headers, 'svix-signature') !== undefined;
      const brand = isOldName ? 'svix' : 'webhook';
      const hint = 'a Standard Webhook has webhook-id, webhook-timestamp and webhook-signature';
      const signatures = requireHeader(headers, `${brand}-signature`, hint);
      const id = requireHeader(headers, `${brand}-id`, hint);
      const timestamp = requireHeader(headers, `${brand}-timestamp`, hint);
      return {
        parts: [`${id}.${timestamp}.`, body],
        signatures: readSignatures(signatures),
        signedAtMs: secondsToMs(timestamp, `${brand}-timestamp`),
        id: { text: id, isSigned: true },
      };
    },
  };
}
