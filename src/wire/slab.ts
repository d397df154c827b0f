/** Size of one slab. Four of the largest shared pieces fit, so little is lost at its end. */
const SLAB_BYTES = 65_536;
/** Of the first one: whoever plays sends some commands and nothing more. */
const FIRST_BYTES = 2048;
/** Pieces above this get memory of their own. */
const SHARED_BYTES = SLAB_BYTES / 4;

/**
 * Memory for message bodies: many small pieces share one allocation, which is freed when the last of them is. Pieces
 * are never reused. The first slab is taken with the first piece, so an idle connection costs nothing.
 */
export class Slab {
  #memory: Buffer | undefined;
  #used = 0;
  #next = FIRST_BYTES;

  /** `length` bytes of uninitialised memory. */
  take(length: number): Buffer {
    if (length > SHARED_BYTES) return Buffer.allocUnsafeSlow(length);
    let memory = this.#memory;
    if (memory === undefined || this.#used + length > memory.length) {
      memory = Buffer.allocUnsafeSlow(Math.max(this.#next, length));
      this.#next = SLAB_BYTES;
      this.#memory = memory;
      this.#used = 0;
    }
    const piece = memory.subarray(this.#used, this.#used + length);
    this.#used += length;
    return piece;
  }
}

/** Below this many bytes a loop is quicker than a view and a native copy. */
const LOOP_BYTES = 48;

/** Copies `length` bytes of `source` from `from` to `at` in `target`. */
export function copyBytes(
  target: Uint8Array,
  at: number,
  source: Uint8Array,
  from: number,
  length: number,
): void {
  if (length <= LOOP_BYTES) {
    for (let i = 0; i < length; i++) target[at + i] = source[from + i]!;
  } else if (from === 0 && length === source.length) {
    target.set(source, at);
  } else {
    target.set(new Uint8Array(source.buffer, source.byteOffset + from, length), at);
  }
}
