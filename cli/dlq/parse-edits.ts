import { editJson, type JsonEdit } from '../../shared/domain/edit-json.ts';
import type { EditedPayload } from '../../shared/pipeline/replay/replay-quarantine.ts';
import { UsageError } from '../terminal.ts';

export interface EditOptions {
  readonly set: readonly string[];
  readonly unset: readonly string[];
}

/**
 * The changes that `--set` and `--unset` ask for, in their order.
 *
 * @throws UsageError that says what is wrong with one
 */
export function parseEdits({ set, unset }: EditOptions): readonly JsonEdit[] {
  return [
    ...set.map((text) => {
      const at = text.indexOf('=');
      if (at < 1)
        throw new UsageError(`--set ${JSON.stringify(text)} must be a field and a value: total=12.5`);
      return { path: toPath(text.slice(0, at), '--set'), value: toJson(text.slice(at + 1)) };
    }),
    ...unset.map((text) => ({ path: toPath(text, '--unset'), value: undefined })),
  ];
}

function toPath(text: string, option: string): readonly string[] {
  const path = text.split('.');
  if (path.every((name) => name !== '')) return path;
  throw new UsageError(
    `${option} ${JSON.stringify(text)} must be field names joined by dots: customer.country`,
  );
}

/** JSON as it is; anything else is text. */
function toJson(text: string): string {
  try {
    JSON.parse(text);
    return text.trim();
  } catch {
    return JSON.stringify(text);
  }
}

/** Applies changes to a record. */
export function applyEdits(raw: Uint8Array, edits: readonly JsonEdit[]): EditedPayload {
  try {
    JSON.parse(Buffer.from(raw).toString());
  } catch {
    return {
      problem:
        'the record is not JSON, so no field of it can be changed; write it whole: headgate dlq edit --file',
    };
  }
  return editJson(raw, edits);
}
