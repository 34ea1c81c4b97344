import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { BlockedError } from '../../domain/errors.ts';
import type { Intent } from '../../ports/ledger-store.ts';

/** Longer texts are compressed: DynamoDB bills every kilobyte, and the keys of one intent are much alike. */
const MAX_PLAIN_BYTES = 2 * 1024;
/** DynamoDB refuses items above 400 KB. */
const MAX_STORED_BYTES = 350 * 1024;
const MAX_DECODED_BYTES = 64 * 1024 * 1024;

/**
 * An intent as one attribute: JSON, as text when short and zstd-compressed when long.
 *
 * @throws BlockedError when it has so many objects that it does not fit
 */
export function encodeIntent(intent: Intent): AttributeValue {
  const text = JSON.stringify(intent);
  if (Buffer.byteLength(text) <= MAX_PLAIN_BYTES) return { S: text };
  const bytes = zstdCompressSync(text);
  if (bytes.length > MAX_STORED_BYTES) {
    throw new BlockedError(
      'INTENT_TOO_LARGE',
      `one commit of ${String(intent.objects.length)} objects does not fit into the ledger ` +
        `(${String(bytes.length)} of ${String(MAX_STORED_BYTES)} bytes): use a smaller batch size or fewer partitions`,
    );
  }
  return { B: bytes };
}

/** The intent that was stored, if there is one. */
export function decodeIntent(lane: string, attribute: AttributeValue | undefined): Intent | undefined {
  if (attribute === undefined) return undefined;
  try {
    const text =
      attribute.S ?? zstdDecompressSync(attribute.B ?? '', { maxOutputLength: MAX_DECODED_BYTES }).toString();
    return JSON.parse(text) as Intent;
  } catch (error) {
    throw new BlockedError(
      'LEDGER_UNREADABLE',
      `the pending intent of lane ${lane} cannot be read: it was changed by something other than Headgate`,
      { cause: error },
    );
  }
}
