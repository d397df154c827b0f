import { givePiece, takePiece } from '../../media/pieces.ts';

/** Bodies share pieces of this size, or of a larger one that the first of them needs. */
const PIECE_BYTES = 131_072;

/** The memory of a stream's packets, in runs: what a run took is used again as a whole, or left to garbage collection. */
export class PacketMemory {
  /** The pieces of the present run, and of the one before until it is known to be of no more use. */
  #run: Buffer[] = [];
  #before: Buffer[] = [];
  #shared: Buffer | undefined;
  #used = 0;
  #kept = false;

  /** A copy of a body, in memory of the present run. */
  copy(body: Buffer): Buffer {
    const { length } = body;
    let shared = this.#shared;
    if (shared === undefined || this.#used + length > shared.length) {
      shared = takePiece(Math.max(length, PIECE_BYTES));
      this.#run.push(shared);
      this.#shared = shared;
      this.#used = 0;
    }
    const at = this.#used;
    this.#used = at + length;
    shared.set(body, at);
    return shared.subarray(at, at + length);
  }

  /** A reader gets packets that it may keep. */
  keep(): void {
    this.#kept = true;
  }

  /** A key frame comes: what is copied from now on is of another run. */
  turn(): void {
    this.#before = this.#run;
    this.#run = [];
    this.#shared = undefined;
  }

  /**
   * The key frame is everywhere: the memory of the run before is used again, unless somebody may have kept packets of it,
   * or still has (not `over`). `kept`: there are readers that may keep those to come.
   */
  turned(over: boolean, kept: boolean): void {
    if (over && !this.#kept) for (const piece of this.#before) givePiece(piece);
    this.#before = [];
    this.#kept = kept;
  }

  /** Whoever has packets may keep them: their memory is freed when the last of them is. */
  forget(): void {
    if (this.#run.length === 0) return;
    this.#run = [];
    this.#shared = undefined;
  }
}
