import { readdir, readFile, mkdir, mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { hash } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { FolderObjectSource } from '../../shared/adapters/files/folder-object-source.ts';
import { HttpIndexSource } from '../../shared/adapters/files/http-index-source.ts';
import { MemoryObjectSource } from '../../shared/adapters/memory/memory-object-source.ts';
import { objectSourceContract } from './object-source.suite.ts';

describe('memory', () => {
  const places = new Map<string, MemoryObjectSource>();
  const at = (place: string): MemoryObjectSource => {
    const found = places.get(place) ?? new MemoryObjectSource({ chunkBytes: () => 100_000 });
    places.set(place, found);
    return found;
  };
  objectSourceContract({
    open: at,
    put: (place, name, bytes) => {
      at(place).put(name, bytes);
      return Promise.resolve();
    },
    remove: (place, name) => {
      at(place).remove(name);
      return Promise.resolve();
    },
  });
});

describe('folder', () => {
  let root = '';
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'headgate-objects-'));
  });
  afterAll(() => rm(root, { recursive: true }));
  objectSourceContract({
    open: (place) => new FolderObjectSource(join(root, place), 3),
    async put(place, name, bytes) {
      const path = join(root, place, name);
      await mkdir(dirname(path), { recursive: true });
      // As the documentation asks: a file appears whole.
      await writeFile(`${root}/new`, bytes);
      await rename(`${root}/new`, path);
    },
    remove: (place, name) => rm(join(root, place, name)),
  });
});

/** Lists folders as HTML and serves files, as web servers do. */
function startIndex(root: string): Server {
  return createServer((request, response) => {
    void (async () => {
      const path = join(root, decodeURIComponent(URL.parse(request.url ?? '', 'http://x')?.pathname ?? ''));
      try {
        if ((await stat(path)).isDirectory()) {
          const entries = await readdir(path, { withFileTypes: true });
          const links = entries.map((entry) => {
            const name = encodeURIComponent(entry.name) + (entry.isDirectory() ? '/' : '');
            return `<li><a href="${name}">${entry.name}</a></li>`;
          });
          response.end(`<a href="../">..</a><a href="?C=N">Name</a>${links.join('')}`);
          return;
        }
        const bytes = await readFile(path);
        const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
        response.setHeader('etag', `"${hash('md5', bytes)}"`);
        response.setHeader('content-length', bytes.length - from);
        if (request.headers.range !== undefined) {
          response.statusCode = 206;
          response.setHeader(
            'content-range',
            `bytes ${String(from)}-${String(bytes.length - 1)}/${String(bytes.length)}`,
          );
        }
        response.end(request.method === 'HEAD' ? undefined : bytes.subarray(from));
      } catch {
        response.statusCode = 404;
        response.end();
      }
    })();
  });
}

describe('HTTP listing', () => {
  let root = '';
  let server: Server;
  let url = '';
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'headgate-objects-'));
    server = startIndex(root);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`;
  });
  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await rm(root, { recursive: true });
  });
  objectSourceContract({
    open: (place) => new HttpIndexSource(`${url}${place}/`),
    async put(place, name, bytes) {
      const path = join(root, place, name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, bytes);
    },
    remove: (place, name) => rm(join(root, place, name)),
  });
});
