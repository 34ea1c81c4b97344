import { requireHeader, unverified, type Headers } from '../headers.ts';
import { secondsToMs, toTextKey, type Claim, type DeliveryAnswer, type Scheme } from '../scheme.ts';

const PREFIX = 'v0=';

/** Slack asks a new address to send a text back, before it sends events there. */
function answerTo(document: unknown): DeliveryAnswer | undefined {
  if (typeof document !== 'object' || document === null) return undefined;
  if (!('type' in document) || document.type !== 'url_verification') return undefined;
  if (!('challenge' in document) || typeof document.challenge !== 'string') return undefined;
  return {
    statusCode: 200,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ challenge: document.challenge }),
  };
}

/**
 * Slack (Events API): X-Slack-Signature is `v0=` and the HMAC-SHA256 of `v0:<X-Slack-Request-Timestamp>:<body>` in hex.
 * An event is recognised by its `event_id` in the body, which repeated attempts keep.
 *
 * Source: https://api.slack.com/authentication/verifying-requests-from-slack, https://api.slack.com/apis/events-api and
 * https://api.slack.com/events/url_verification (November 2026).
 */
export function slack(toleranceMs: number): Scheme {
  return {
    toleranceMs,
    idPath: ['event_id'],
    toKey: toTextKey('hex'),
    answerTo,
    read(headers: Headers, body: Buffer): Claim {
      const hint = 'Slack sends it with every request';
      const timestamp = requireHeader(headers, 'x-slack-request-timestamp', hint);
      const signature = requireHeader(headers, 'x-slack-signature', hint);
      if (!signature.startsWith(PREFIX)) throw unverified(`x-slack-signature must begin with ${PREFIX}`);
      return {
        parts: [`v0:${timestamp}:`, body],
        signatures: [{ kind: 'hmac', text: signature.slice(PREFIX.length) }],
        signedAtMs: secondsToMs(timestamp, 'x-slack-request-timestamp'),
      };
    },
  };
}
