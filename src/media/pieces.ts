/** Sizes are powers of two, from 16 kB to the largest that is kept. */
const LEAST_POWER = 14;
const LARGEST_POWER = 20;
const LARGEST = 2 ** LARGEST_POWER;
/** Pieces that nobody has asked for in so many looks are let go: longer than groups of pictures are. */
const LOOKS = 15;

/** The free pieces of one size, and the fewest there have been since the last time some were let go. */
interface Free {
  readonly pieces: Buffer[];
  least: number;
}

/** By the power of two. */
const sizes: readonly Free[] = Array.from({ length: LARGEST_POWER + 1 }, () => ({ pieces: [], least: 0 }));
let looks = 0;

/**
 * Uninitialised memory of at least `least` bytes, to be given back by its only holder. Memory that comes and
 * goes with every group of pictures is most of what garbage collection would have to do.
 */
export function takePiece(least: number): Buffer {
  if (least > LARGEST) return Buffer.allocUnsafeSlow(least);
  const power = Math.max(LEAST_POWER, 32 - Math.clz32(least - 1));
  const free = sizes[power]!;
  const piece = free.pieces.pop();
  if (piece === undefined) return Buffer.allocUnsafeSlow(2 ** power);
  if (free.pieces.length < free.least) free.least = free.pieces.length;
  return piece;
}

/** Gives back what `takePiece` gave: nothing may refer to it any more. */
export function givePiece(piece: Buffer): void {
  if (piece.length <= LARGEST) sizes[31 - Math.clz32(piece.length)]!.pieces.push(piece);
}

/** Called about once a second: lets go of pieces that were free all the time. */
export function trimPieces(): void {
  looks += 1;
  if (looks < LOOKS) return;
  looks = 0;
  for (const free of sizes) {
    free.pieces.splice(0, free.least);
    free.least = free.pieces.length;
  }
}
