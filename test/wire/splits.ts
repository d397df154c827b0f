/** Every way to cut the bytes in two, and byte by byte. */
export function* splits(bytes: Buffer): Generator<Buffer[]> {
  for (let at = 0; at <= bytes.length; at++) yield [bytes.subarray(0, at), bytes.subarray(at)];
  yield Array.from(bytes, (byte) => Buffer.from([byte]));
}

/** Bytes from text in hex, with blanks and line ends between for the reader's sake. */
export function hex(...lines: readonly string[]): Buffer {
  return Buffer.from(lines.join('').replaceAll(/\s/g, ''), 'hex');
}

/** A repeatable source of numbers from 0 up to, not including, `below` (xorshift). */
export function seeded(seed: number): (below: number) => number {
  let state = seed | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** The bytes with some changed, cut off, repeated or put in. */
export function mutate(bytes: Buffer, random: (below: number) => number): Buffer {
  let result = Buffer.from(bytes);
  for (let change = 1 + random(4); change > 0; change--) {
    const at = random(result.length + 1);
    switch (random(5)) {
      case 0:
        result = Buffer.from(result.subarray(0, at));
        break;
      case 1:
        result = Buffer.concat([result.subarray(0, at), result.subarray(random(result.length + 1))]);
        break;
      case 2:
        result = Buffer.concat([result.subarray(0, at), Buffer.from([random(256)]), result.subarray(at)]);
        break;
      default:
        if (at < result.length)
          result[at] = random(3) === 0 ? [0, 0xff, 0x7f, 0x80][random(4)]! : random(256);
    }
  }
  return result;
}
