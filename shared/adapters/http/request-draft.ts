/** A request before it is sent; what knows about pages, cursors and credentials adds its part. */
export interface RequestDraft {
  readonly url: URL;
  /** Names in lower case. */
  readonly headers: Record<string, string>;
  /** JSON body of a POST; undefined for a GET. */
  readonly body: Record<string, unknown> | undefined;
}

/** Where a parameter goes. */
export type Place = 'query' | 'body' | 'header';

/** Sets a parameter. In a body, a name with dots is a nested field. */
export function setParameter(draft: RequestDraft, place: Place, name: string, value: string | number): void {
  switch (place) {
    case 'query':
      draft.url.searchParams.set(name, String(value));
      break;
    case 'header':
      draft.headers[name.toLowerCase()] = String(value);
      break;
    case 'body':
      setField(draft.body ?? {}, name.split('.'), value);
  }
}

function setField(
  fields: Record<string, unknown>,
  [name = '', ...below]: readonly string[],
  value: unknown,
): void {
  if (below.length === 0) {
    fields[name] = value;
    return;
  }
  const old = fields[name];
  const inner = typeof old === 'object' && old !== null && !Array.isArray(old) ? { ...old } : {};
  fields[name] = inner;
  setField(inner, below, value);
}
