/** How a batch travels: as it is, or as one chunk of an HTTP/1.1 chunked body (RFC 9112, 7.1). */
export type Framing = 'plain' | 'chunked';

/** Room for `00000000\r\n` before and `\r\n` after a batch, so that its chunked form is a view of the same memory. */
export const HEAD = 10;
export const TAIL = 2;

/** Bytes as they travel. */
export type Packed = Readonly<Record<Framing, Buffer>>;

/** The chunked form of a batch that has HEAD bytes before it and TAIL after it in its own memory. */
export function frameChunk(plain: Buffer): Buffer {
  if (plain.length === 0) return plain;
  const whole = Buffer.from(plain.buffer, plain.byteOffset - HEAD, plain.length + HEAD + TAIL);
  whole.write(plain.length.toString(16).padStart(8, '0'), 0, 'latin1');
  whole.write('\r\n', 8, 'latin1');
  whole.write('\r\n', HEAD + plain.length, 'latin1');
  return whole;
}

/** Bytes as one chunk, copied; nothing stays nothing, since an empty chunk would end the body. */
export function chunkOf(bytes: Buffer): Buffer {
  return bytes.length === 0
    ? bytes
    : Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);
}
