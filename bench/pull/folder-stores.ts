import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { BatchStage } from '../../shared/ports/batch-stage.ts';
import type { FileStage } from '../../shared/ports/file-stage.ts';
import type { Lake, LakeObject, ObjectKind } from '../../shared/ports/lake.ts';

/** Creates a file. @returns `'exists'` where there is one, which stays */
async function create(path: string, bytes: Uint8Array): Promise<'created' | 'exists'> {
  await mkdir(dirname(path), { recursive: true });
  try {
    const file = await open(path, 'wx');
    await file.writeFile(bytes);
    await file.close();
    return 'created';
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return 'exists';
    throw error;
  }
}

/** A lake in a folder, for one process. */
export class FolderLake implements Lake {
  readonly #folder: string;
  readonly #kinds = new Map<string, ObjectKind>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  async putIfAbsent(key: string, object: LakeObject): Promise<'created' | 'exists'> {
    const outcome = await create(join(this.#folder, key), object.bytes);
    if (outcome === 'created') this.#kinds.set(key, object.kind);
    return outcome;
  }

  async overwrite(key: string, object: LakeObject): Promise<void> {
    await writeFile(join(this.#folder, key), object.bytes);
    this.#kinds.set(key, object.kind);
  }

  kindOf(key: string): Promise<ObjectKind | undefined> {
    return Promise.resolve(this.#kinds.get(key));
  }
}

/** Staged files in a folder. */
export class FolderFileStage implements FileStage {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  put(name: string, bytes: Uint8Array): Promise<'created' | 'exists'> {
    return create(join(this.#folder, name), bytes);
  }

  async read(name: string): Promise<Uint8Array | undefined> {
    return await readFile(join(this.#folder, name));
  }
}

/** Staged batches in a folder. */
export class FolderBatchStage implements BatchStage {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async find(lane: string, number: number): Promise<Uint8Array | undefined> {
    try {
      return await readFile(this.#pathOf(lane, number));
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw error;
    }
  }

  async decide(lane: string, number: number, bytes: Uint8Array): Promise<Uint8Array> {
    if ((await create(this.#pathOf(lane, number), bytes)) === 'created') return bytes;
    return await readFile(this.#pathOf(lane, number));
  }

  async remove(lane: string, numbers: readonly number[]): Promise<void> {
    for (const number of numbers) await rm(this.#pathOf(lane, number), { force: true });
  }

  #pathOf = (lane: string, number: number): string => join(this.#folder, lane, `${String(number)}.batch`);
}
