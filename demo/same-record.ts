/**
 * Whether a landed row holds what was sent. Absent and null are the same in a table; time stamps are compared as
 * instants, because the lake has them as such. Everything else must be equal, type included.
 *
 * @param sent the record, parsed
 * @param landed the row's columns as JSON, without the lake's own
 */
export function isSameRecord(sent: unknown, landed: unknown): boolean {
  if (isAbsent(sent)) return isAbsent(landed) || isEmptied(landed);
  if (typeof sent === 'string')
    return sent === landed || (typeof landed === 'string' && isSameInstant(sent, landed));
  if (Array.isArray(sent)) {
    return (
      Array.isArray(landed) &&
      landed.length === sent.length &&
      sent.every((element, i) => isSameRecord(element, landed[i]))
    );
  }
  if (isObject(sent)) {
    if (!isObject(landed)) return false;
    for (const name in sent) if (!isSameRecord(sent[name], landed[name])) return false;
    for (const name in landed) if (!(name in sent) && !isSameRecord(undefined, landed[name])) return false;
    return true;
  }
  return sent === landed;
}

/** The row's columns together with the fields that its contract does not name, which the lake keeps apart. */
export function mergeFields(columns: unknown, extra: unknown): unknown {
  if (!isObject(columns) || !isObject(extra)) return isAbsent(columns) ? extra : columns;
  const merged: Record<string, unknown> = { ...columns };
  for (const name in extra) merged[name] = mergeFields(columns[name], extra[name]);
  return merged;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isAbsent(value: unknown): boolean {
  return value === null || value === undefined;
}

/** A struct that has no value is read as one whose fields have none. */
function isEmptied(value: unknown): boolean {
  return isObject(value) && Object.values(value).every((field) => isAbsent(field) || isEmptied(field));
}

function isSameInstant(sent: string, landed: string): boolean {
  const [, date, time] = /^(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2}(?:\.\d+)?)\+00$/.exec(landed) ?? [];
  if (date === undefined || time === undefined) return false;
  const instant = `${date}T${time}Z`;
  return sent === instant || Date.parse(sent) === Date.parse(instant);
}
