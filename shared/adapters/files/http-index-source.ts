import { BlockedError, TransientError } from '../../domain/errors.ts';
import {
  ObjectGoneError,
  type ObjectPage,
  type ObjectSource,
  type ObjectVersion,
} from '../../ports/object-source.ts';

const LINK = /<a\s[^>]*?href\s*=\s*["']?([^"'\s>]+)/gi;
const MAX_FOLDERS = 1_000;

/**
 * Files that a web server lists as HTML (`python3 -m http.server`, nginx `autoindex`), for development: a server says by
 * ETag or by time and size which version it has. Folders below are followed, nothing else.
 */
export class HttpIndexSource implements ObjectSource {
  readonly #root: URL;
  readonly #fetch: typeof fetch;

  /** @param location ends with a slash */
  constructor(location: string, send: typeof fetch = fetch) {
    this.#root = new URL(location);
    this.#fetch = send;
  }

  async list(after: string, deadlineMs: number): Promise<ObjectPage> {
    const names = (await this.#names(deadlineMs)).filter((name) => compare(name, after) > 0).sort(compare);
    const versions = await Promise.all(names.map((name) => this.#versionOf(name, deadlineMs)));
    const objects = versions.filter((version) => version !== undefined);
    return { objects, isLast: true, last: names.at(-1) ?? after };
  }

  async *open(object: ObjectVersion, offset: number, deadlineMs: number): AsyncGenerator<Uint8Array> {
    if (offset >= object.bytes) return;
    const response = await this.#send(this.#urlOf(object.name), 'GET', deadlineMs, {
      range: `bytes=${String(offset)}-`,
      // Ranges are of the file as it is.
      'accept-encoding': 'identity',
    });
    if (response === undefined || tagOf(response) !== object.tag) {
      await response?.body?.cancel();
      throw new ObjectGoneError(object.name);
    }
    // A server without ranges gives everything.
    let skipped = response.status === 206 ? offset : 0;
    let read = skipped;
    for await (const chunk of response.body ?? []) {
      const bytes = chunk as Uint8Array;
      read += bytes.length;
      const from = Math.min(bytes.length, Math.max(0, offset - skipped));
      skipped += from;
      if (from < bytes.length) yield bytes.subarray(from);
    }
    if (read < object.bytes)
      throw new TransientError(
        'OBJECT_CUT_OFF',
        `${object.name} ended at byte ${String(read)} of ${String(object.bytes)}`,
      );
  }

  async #names(deadlineMs: number): Promise<string[]> {
    const names = new Set<string>();
    const folders = [''];
    const seen = new Set(folders);
    for (let folder = folders.shift(); folder !== undefined; folder = folders.shift()) {
      const url = this.#urlOf(folder);
      const response = await this.#send(url, 'GET', deadlineMs, {});
      if (response === undefined) {
        if (folder !== '') continue;
        throw new BlockedError('NO_FOLDER', `${url.href} is not there; correct location`);
      }
      for (const [, href = ''] of (await response.text()).matchAll(LINK)) {
        const target = URL.parse(href.replaceAll('&amp;', '&'), url.href);
        // Sorting links, parents and other hosts are no files of this folder.
        if (target === null || target.search !== '' || !target.href.startsWith(url.href)) continue;
        const name = decodeURIComponent(target.pathname.slice(this.#root.pathname.length));
        if (name === folder || name === '') continue;
        if (!name.endsWith('/')) names.add(name);
        else if (!seen.has(name) && seen.size < MAX_FOLDERS) {
          seen.add(name);
          folders.push(name);
        }
      }
    }
    return [...names];
  }

  async #versionOf(name: string, deadlineMs: number): Promise<ObjectVersion | undefined> {
    const response = await this.#send(this.#urlOf(name), 'HEAD', deadlineMs, {
      'accept-encoding': 'identity',
    });
    if (response === undefined) return undefined;
    const bytes = Number(response.headers.get('content-length') ?? NaN);
    if (!Number.isSafeInteger(bytes))
      throw new BlockedError('NO_SIZE', `the server does not say how large ${name} is`);
    return { name, tag: tagOf(response), bytes };
  }

  async #send(
    url: URL,
    method: string,
    deadlineMs: number,
    headers: Record<string, string>,
  ): Promise<Response | undefined> {
    let response: Response;
    try {
      const signal = Number.isFinite(deadlineMs) ? AbortSignal.timeout(60_000) : null;
      response = await this.#fetch(url, { method, headers, signal });
    } catch (error) {
      throw new TransientError('HTTP_FAILED', `${method} ${url.href} failed`, { cause: error });
    }
    if (response.ok) return response;
    await response.body?.cancel();
    if (response.status === 404 || response.status === 410) return undefined;
    const problem = `${method} ${url.href} was answered ${String(response.status)}`;
    if (response.status >= 500 || response.status === 429) throw new TransientError('HTTP_FAILED', problem);
    throw new BlockedError('HTTP_REFUSED', problem);
  }

  #urlOf(name: string): URL {
    return new URL(name.split('/').map(encodeURIComponent).join('/'), this.#root);
  }
}

const compare = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** By time alone two versions within a second would be one; the size helps where there is no ETag. */
function tagOf({ headers }: Response): string {
  const range = headers.get('content-range');
  const size = range === null ? headers.get('content-length') : range.slice(range.lastIndexOf('/') + 1);
  return (headers.get('etag') ?? `${headers.get('last-modified') ?? ''}-${size ?? ''}`).replaceAll('"', '');
}
