import type { StreamedBody } from '../requests/exchange.ts';

/** Bytes that are read at a time by those who keep what they have read. */
const PIECE_BYTES = 64 * 1024;

/** The pieces of a body, each with memory of its own; the body is closed behind the last. */
export async function* piecesOf(body: StreamedBody): AsyncGenerator<Buffer> {
  try {
    while (body.length > 0) {
      const piece = Buffer.allocUnsafeSlow(Math.min(body.length, PIECE_BYTES));
      const count = await body.read(piece);
      if (count === 0) return;
      yield piece.subarray(0, count);
    }
  } finally {
    body.close();
  }
}

/** All of a body at once. */
export async function wholeOf(body: StreamedBody): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of piecesOf(body)) pieces.push(piece);
  return Buffer.concat(pieces);
}
