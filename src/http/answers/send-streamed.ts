import type { Exchange, StreamedBody } from '../requests/exchange.ts';

/** Bytes of a body that are read and handed over at a time: the most an answer has in memory. */
const PIECE_BYTES = 256 * 1024;
/** Buffers that wait for the next answer. */
const MOST_FREE = 16;

/** Memory that the kernel has already given costs nothing a second time. */
const free: Buffer[] = [];

/**
 * Sends a body, whose head has been sent, piece by piece as its client takes it, all through one buffer. A file that has
 * become shorter ends the connection, since its length has been told.
 */
export async function sendStreamed(exchange: Exchange, body: StreamedBody): Promise<void> {
  const { reply } = exchange;
  const { length } = body;
  let buffer = free.pop() ?? Buffer.allocUnsafeSlow(PIECE_BYTES);
  exchange.whenOver(() => {
    body.close();
    // Nobody can still be about to read from it or write to it.
    if (reply.sent && free.length < MOST_FREE) free.push(buffer);
  });
  try {
    while (exchange.bodyBytes < length) {
      const count = await body.read(buffer);
      if (count === 0) break;
      exchange.bodyBytes += count;
      const taken = reply.write(buffer.subarray(0, count));
      if (exchange.bodyBytes === length) break;
      if (!taken) await new Promise<void>((resolve) => reply.drained(resolve));
      // A short piece may still wait in a queue.
      else buffer = Buffer.allocUnsafeSlow(PIECE_BYTES);
    }
    if (exchange.bodyBytes === length) reply.end();
    else reply.destroy();
  } catch (error) {
    exchange.log.error({ err: error }, 'a file could not be read to its end');
    reply.destroy();
  }
}
