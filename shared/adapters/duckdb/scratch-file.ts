import { closeSync, fstatSync, ftruncateSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A temporary file that is used again and again: writing over pages that a file has costs a fifth of creating it anew.
 * On Linux it has no name, so that a killed process leaves nothing behind; elsewhere it goes with its directory.
 */
export class ScratchFile {
  /** Where DuckDB finds it. */
  readonly path: string;
  private readonly file: number;

  constructor(directory: string, name: string) {
    const path = join(directory, name);
    this.file = openSync(path, 'wx+', 0o600);
    if (process.platform === 'linux') {
      unlinkSync(path);
      this.path = `${OPEN_FILES}${String(this.file)}`;
    } else {
      this.path = path;
    }
  }

  /** Replaces the content by the first `length` bytes of a buffer. */
  write(buffer: Uint8Array, length: number): void {
    let at = 0;
    while (at < length) at += writeSync(this.file, buffer, at, length - at, at);
    ftruncateSync(this.file, length);
  }

  read(): Buffer {
    const content = Buffer.allocUnsafe(fstatSync(this.file).size);
    let at = 0;
    while (at < content.length) {
      const bytes = readSync(this.file, content, at, content.length - at, at);
      if (bytes === 0) throw new Error(`${this.path} has become shorter while it was read`);
      at += bytes;
    }
    return content;
  }

  close(): void {
    closeSync(this.file);
  }
}

/** Linux shows a process its open files here, with and without a name. */
export const OPEN_FILES = '/proc/self/fd/';
