import { mutate } from '../wire/splits.ts';

/** Gives a number from 0 up to, not including, `below`. */
export type Random = (below: number) => number;

/** No input is longer, bytes. */
const MOST_BYTES = 65_536;
/** Values at the edges of fields of 1 to 4 bytes. */
const EDGES = [
  0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffff, 0xfffffe, 0xffffff, 0x7fffffff, 0xffffffff,
];

/** An input made of one of the seeds; `words` are put in at times, which reach what chance does not. */
export function variant(seeds: readonly Buffer[], words: readonly Buffer[], random: Random): Buffer {
  const seed = pick(seeds, random);
  const made = vary(seed, seeds, words, random);
  return made.length <= MOST_BYTES ? made : made.subarray(0, MOST_BYTES);
}

function vary(seed: Buffer, seeds: readonly Buffer[], words: readonly Buffer[], random: Random): Buffer {
  switch (random(12)) {
    case 0:
      return seed;
    case 1:
      return Buffer.from(Array.from({ length: random(100) }, () => random(256)));
    case 2: {
      const other = pick(seeds, random);
      return Buffer.concat([
        seed.subarray(0, random(seed.length + 1)),
        other.subarray(random(other.length + 1)),
      ]);
    }
    case 3: {
      const from = random(seed.length + 1);
      const piece = seed.subarray(from, from + 1 + random(32));
      const times = 1 + random(random(10) === 0 ? 2000 : 20);
      return Buffer.concat([
        seed.subarray(0, from),
        ...new Array<Buffer>(times).fill(piece),
        seed.subarray(from),
      ]);
    }
    case 4:
    case 5:
      return withEdge(seed, random);
    case 6:
    case 7:
      return words.length === 0 ? mutate(seed, random) : withWord(seed, pick(words, random), random);
    default:
      return mutate(seed, random);
  }
}

function withEdge(seed: Buffer, random: Random): Buffer {
  const size = 1 + random(4);
  if (seed.length < size) return mutate(seed, random);
  const copy = Buffer.from(seed);
  const value = pick(EDGES, random) % 2 ** (8 * size);
  const at = random(copy.length - size + 1);
  if (random(4) === 0) copy.writeUIntLE(value, at, size);
  else copy.writeUIntBE(value, at, size);
  return copy;
}

function withWord(seed: Buffer, word: Buffer, random: Random): Buffer {
  const at = random(seed.length + 1);
  const replaced = random(2) === 0 ? 0 : random(word.length + 1);
  return Buffer.concat([seed.subarray(0, at), word, seed.subarray(at + replaced)]);
}

function pick<T>(all: readonly T[], random: Random): T {
  return all[random(all.length)]!;
}

/** The bytes cut in pieces as they might arrive; the same each time. */
export function pieces(input: Buffer): readonly Buffer[] {
  const found: Buffer[] = [];
  let state = input.length;
  for (let at = 0; at < input.length; ) {
    state = (state * 31 + input[at]! + 7) >>> 0;
    const size = state % 5 === 0 ? 1 + (state % 700) : 1 + (state % 13);
    found.push(input.subarray(at, at + size));
    at += size;
  }
  return found;
}
