import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BlockedError } from '../../domain/errors.ts';
import {
  ObjectGoneError,
  type ObjectPage,
  type ObjectSource,
  type ObjectVersion,
} from '../../ports/object-source.ts';

const PAGE_SIZE = 1_000;

/**
 * Files of a folder, for development. What stands for a version is the file's time of change and size: a file that is
 * being written is several versions. Write it elsewhere and move it.
 */
export class FolderObjectSource implements ObjectSource {
  readonly #folder: string;
  readonly #pageSize: number;

  /** @param folder absolute path */
  constructor(folder: string, pageSize = PAGE_SIZE) {
    this.#folder = folder;
    this.#pageSize = pageSize;
  }

  async list(after: string): Promise<ObjectPage> {
    const names = (await this.#names()).filter((name) => compare(name, after) > 0).sort(compare);
    const some = names.slice(0, this.#pageSize);
    const objects: ObjectVersion[] = [];
    for (const name of some) {
      const version = await this.#versionOf(name);
      if (version !== undefined) objects.push(version);
    }
    return { objects, isLast: names.length <= this.#pageSize, last: some.at(-1) ?? after };
  }

  async *open(object: ObjectVersion, offset: number): AsyncGenerator<Uint8Array> {
    const check = async (): Promise<void> => {
      if ((await this.#versionOf(object.name))?.tag !== object.tag) throw new ObjectGoneError(object.name);
    };
    await check();
    if (offset >= object.bytes) return;
    const stream = createReadStream(join(this.#folder, object.name), {
      start: offset,
      end: object.bytes - 1,
    });
    try {
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        // A file that is written over in place shows it by its time.
        await check();
        yield chunk;
      }
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
        throw new ObjectGoneError(object.name);
      throw error;
    } finally {
      stream.destroy();
    }
  }

  async #names(): Promise<string[]> {
    try {
      const entries = await readdir(this.#folder, { recursive: true, withFileTypes: true });
      return entries
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(join(this.#folder, '/').length));
    } catch (error) {
      throw new BlockedError(
        'NO_FOLDER',
        `${this.#folder} cannot be listed; create it, or correct location`,
        {
          cause: error,
        },
      );
    }
  }

  async #versionOf(name: string): Promise<ObjectVersion | undefined> {
    try {
      const { mtimeNs, size, ino } = await stat(join(this.#folder, name), { bigint: true });
      return { name, tag: `${String(mtimeNs)}-${String(ino)}-${String(size)}`, bytes: Number(size) };
    } catch {
      return undefined;
    }
  }
}

const compare = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
