import { ScratchFile } from './scratch-file.ts';

/**
 * Bytes of one file. DuckDB parses up to 2,048 lines of a file before it converts them column by column; with files of
 * about this size the parsed lines are still in the processor's cache then, which makes it 10 % faster.
 */
const FILE_BYTES = 512 * 1024;

/** Lines for DuckDB, in files of moderate size that are read one after the other and used again for other lines. */
export class LineFiles {
  /** Longest line, its newline included. */
  longestLineBytes = 0;
  private readonly directory: string;
  private readonly files: ScratchFile[] = [];
  private filled = 0;
  private buffer = Buffer.allocUnsafe(FILE_BYTES);
  private used = 0;

  constructor(directory: string) {
    this.directory = directory;
  }

  /** Forgets all lines. */
  clear(): void {
    this.longestLineBytes = 0;
    this.filled = 0;
    this.used = 0;
    if (this.buffer.length > FILE_BYTES) this.buffer = Buffer.allocUnsafe(FILE_BYTES);
  }

  /**
   * Room for one line.
   *
   * @returns the buffer and the offset at which the line may use `bytes` bytes; end it with `endLine`
   */
  startLine(bytes: number): { readonly buffer: Buffer; readonly at: number } {
    if (this.used + bytes > this.buffer.length) {
      if (this.used > 0) this.flush();
      if (bytes > this.buffer.length) this.buffer = Buffer.allocUnsafe(bytes);
    }
    return { buffer: this.buffer, at: this.used };
  }

  /** Keeps the line that ends before `end`, an offset into the buffer. */
  endLine(end: number): void {
    this.longestLineBytes = Math.max(this.longestLineBytes, end - this.used);
    this.used = end;
  }

  /**
   * Writes out what is left.
   *
   * @returns paths in the order of their lines: one at least, if need be of an empty file
   */
  finish(): readonly string[] {
    if (this.used > 0 || this.filled === 0) this.flush();
    return this.files.slice(0, this.filled).map((file) => file.path);
  }

  close(): void {
    for (const file of this.files) file.close();
  }

  private flush(): void {
    const file = (this.files[this.filled] ??= new ScratchFile(this.directory, `rows-${String(this.filled)}`));
    this.filled++;
    file.write(this.buffer, this.used);
    this.used = 0;
  }
}
