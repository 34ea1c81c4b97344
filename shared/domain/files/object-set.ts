import { hash } from 'node:crypto';

/** Bytes that stand for one version of an object: 96 bits, of a million two are equal once in 10^17. */
export const MARK_BYTES = 12;
const WORDS = MARK_BYTES / 4;
const MIN_SLOTS = 64;

/** What stands for a version of an object in sets. A tag has no line feed. */
export function objectMark({ name, tag }: { readonly name: string; readonly tag: string }): Buffer {
  return hash('sha256', `${tag}\n${name}`, 'buffer').subarray(0, MARK_BYTES);
}

/** A set of marks: some 25 bytes each, so that a million take little memory. */
export class ObjectSet {
  #slots = new Uint32Array(MIN_SLOTS * WORDS);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  has(mark: Buffer): boolean {
    return this.#find(this.#slots, mark.readUInt32LE(0), mark.readUInt32LE(4), mark.readUInt32LE(8)).found;
  }

  add(mark: Buffer): void {
    if ((this.#size + 1) * WORDS * 3 > this.#slots.length * 2) this.#grow();
    // A mark of zeros would look like a free slot; it is as good as any other with its first bit set.
    this.#put(this.#slots, mark.readUInt32LE(0), mark.readUInt32LE(4), mark.readUInt32LE(8));
  }

  /** Adds the marks that stand one after the other. */
  addAll(marks: Buffer): void {
    for (let at = 0; at + MARK_BYTES <= marks.length; at += MARK_BYTES)
      this.add(marks.subarray(at, at + MARK_BYTES));
  }

  /** All marks, one after the other. */
  toBytes(): Buffer {
    const bytes = Buffer.alloc(this.#size * MARK_BYTES);
    let to = 0;
    for (let at = 0; at < this.#slots.length; at += WORDS) {
      if (!isTaken(this.#slots, at)) continue;
      for (let word = 0; word < WORDS; word++) to = bytes.writeUInt32LE(this.#slots[at + word] ?? 0, to);
    }
    return bytes;
  }

  #put(slots: Uint32Array, a: number, b: number, c: number): void {
    const { at, found } = this.#find(slots, a, b, c);
    if (found) return;
    slots[at] = a === 0 && b === 0 && c === 0 ? 1 : a;
    slots[at + 1] = b;
    slots[at + 2] = c;
    this.#size++;
  }

  #find(slots: Uint32Array, a: number, b: number, c: number): { at: number; found: boolean } {
    const first = a === 0 && b === 0 && c === 0 ? 1 : a;
    const count = slots.length / WORDS;
    for (let slot = first % count; ; slot = (slot + 1) % count) {
      const at = slot * WORDS;
      if (slots[at] === first && slots[at + 1] === b && slots[at + 2] === c) return { at, found: true };
      if (!isTaken(slots, at)) return { at, found: false };
    }
  }

  #grow(): void {
    const slots = new Uint32Array(this.#slots.length * 2);
    const former = this.#slots;
    this.#size = 0;
    for (let at = 0; at < former.length; at += WORDS) {
      if (isTaken(former, at)) this.#put(slots, former[at] ?? 0, former[at + 1] ?? 0, former[at + 2] ?? 0);
    }
    this.#slots = slots;
  }
}

function isTaken(slots: Uint32Array, at: number): boolean {
  return slots[at] !== 0 || slots[at + 1] !== 0 || slots[at + 2] !== 0;
}
