import { closeSync, openSync, writeSync } from 'node:fs';

const BUFFER_BYTES = 1024 * 1024;

/** Writes the lines of a file through one buffer. */
export class LineFile {
  /** Longest line so far, its newline included. */
  longestLineBytes = 0;
  private readonly file: number;
  private buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  private used = 0;

  /** Creates or empties the file. */
  constructor(path: string) {
    this.file = openSync(path, 'w', 0o600);
  }

  /**
   * Room for one line.
   *
   * @returns the buffer and the offset at which the line may use `bytes` bytes; end it with `endLine`
   */
  startLine(bytes: number): { readonly buffer: Buffer; readonly at: number } {
    if (this.used + bytes > this.buffer.length) {
      this.flush();
      if (bytes > this.buffer.length) this.buffer = Buffer.allocUnsafe(bytes);
    }
    return { buffer: this.buffer, at: this.used };
  }

  /** Keeps the line that ends before `end`, an offset into the buffer. */
  endLine(end: number): void {
    this.longestLineBytes = Math.max(this.longestLineBytes, end - this.used);
    this.used = end;
  }

  /** Writes out what is buffered and closes the file. */
  close(): void {
    try {
      this.flush();
    } finally {
      closeSync(this.file);
    }
  }

  private flush(): void {
    let at = 0;
    while (at < this.used) at += writeSync(this.file, this.buffer, at, this.used - at);
    this.used = 0;
  }
}
