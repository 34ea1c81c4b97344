import { IDEMPOTENCY_KEY, MAX_IDEMPOTENCY_KEY_LENGTH } from '../../shared/config/push-api.ts';
import { HttpProblem } from '../middleware/problems.ts';

/**
 * Reads the Idempotency-Key header (draft-ietf-httpapi-idempotency-key-header): a structured-field string, or the bare
 * text.
 *
 * @returns undefined when the request has none
 * @throws HttpProblem `bad-idempotency-key`
 */
export function idempotencyKeyOf(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  const match = IDEMPOTENCY_KEY.exec(text);
  const key = match === null ? '' : (match[1]?.replace(/\\(["\\])/g, '$1') ?? text);
  if (key.length >= 1 && key.length <= MAX_IDEMPOTENCY_KEY_LENGTH) return key;
  throw new HttpProblem(
    'bad-idempotency-key',
    `Idempotency-Key must be 1 to ${String(MAX_IDEMPOTENCY_KEY_LENGTH)} printable ASCII characters, best in double quotes, such as "7f8c2d"`,
  );
}
