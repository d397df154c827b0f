import { createHash, timingSafeEqual } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';

/** Longer ones belong to nobody; the work grows with the square of the length. */
const LONGEST = 256;
/** More rounds than that are not gone through for anybody who asks. */
const MOST_ROUNDS = 100_000;
/** Rounds between which others have their turn. */
const ROUNDS_PER_TURN = 200;

/** Whether a stored password is of a form that `isPassword` can tell. */
export function isKnownForm(stored: string): boolean {
  return /^(?:\{(?:PLAIN|SHA|SSHA)\}|\$(?:apr1|1|5|6)\$)/.test(stored);
}

/**
 * Whether a password is the stored one, in the forms of user files: `{PLAIN}`, `{SHA}`, `{SSHA}`, MD5 crypt (`$apr1$` and
 * `$1$`) and SHA crypt (`$5$` and `$6$`, Drepper 2007). The slow ones take their time in pieces.
 */
export async function isPassword(password: Buffer, stored: string): Promise<boolean> {
  if (password.length > LONGEST) return false;
  const [, form = '', rest = ''] = /^(\{[A-Z]+\}|\$[a-z0-9]+\$)(.*)$/s.exec(stored) ?? [];
  switch (form) {
    case '{PLAIN}':
      return isSame(password, Buffer.from(rest));
    case '{SHA}':
      return isSame(hash('sha1', password), Buffer.from(rest, 'base64'));
    case '{SSHA}': {
      const bytes = Buffer.from(rest, 'base64');
      return isSame(hash('sha1', password, bytes.subarray(20)), bytes.subarray(0, 20));
    }
    case '$apr1$':
    case '$1$':
      return isSame(await md5Crypt(password, form, rest), lastPart(rest));
    case '$5$':
    case '$6$':
      return isSame(await shaCrypt(password, form === '$5$' ? SHA256 : SHA512, rest), lastPart(rest));
    default:
      return false;
  }
}

function isSame(a: Buffer, b: Buffer): boolean {
  return timingSafeEqual(hash('sha256', a), hash('sha256', b));
}

function lastPart(rest: string): Buffer {
  return Buffer.from(rest.slice(rest.lastIndexOf('$') + 1));
}

function hash(algorithm: string, ...parts: readonly Buffer[]): Buffer {
  const all = createHash(algorithm);
  for (const part of parts) all.update(part);
  return all.digest();
}

/** As many bytes as asked for, `bytes` over and over. */
function repeated(bytes: Buffer, length: number): Buffer {
  return Buffer.alloc(length, bytes);
}

/** The bits of a length, the lowest first. */
function* bitsOf(length: number): Iterable<boolean> {
  for (let left = length; left > 0; left >>= 1) yield (left & 1) === 1;
}

async function rounds(
  count: number,
  first: Buffer,
  step: (digest: Buffer, i: number) => Buffer,
): Promise<Buffer> {
  let digest = first;
  for (let i = 0; i < count; i++) {
    if (i % ROUNDS_PER_TURN === ROUNDS_PER_TURN - 1) await turn();
    digest = step(digest, i);
  }
  return digest;
}

/** What a round of either crypt hashes. */
function mixed(i: number, digest: Buffer, password: Buffer, salt: Buffer): readonly Buffer[] {
  const odd = i % 2 === 1;
  const parts = [odd ? password : digest];
  if (i % 3 !== 0) parts.push(salt);
  if (i % 7 !== 0) parts.push(password);
  parts.push(odd ? digest : password);
  return parts;
}

async function md5Crypt(password: Buffer, magic: string, rest: string): Promise<Buffer> {
  const salt = Buffer.from(rest.split('$', 1)[0]!).subarray(0, 8);
  const inner = hash('md5', password, salt, password);
  const parts = [password, Buffer.from(magic), salt, repeated(inner, password.length)];
  for (const bit of bitsOf(password.length)) parts.push(bit ? Buffer.alloc(1) : password.subarray(0, 1));
  const digest = await rounds(1000, hash('md5', ...parts), (before, i) =>
    hash('md5', ...mixed(i, before, password, salt)),
  );
  return encoded(digest, MD5_ORDER);
}

interface ShaForm {
  readonly algorithm: string;
  readonly order: readonly (readonly number[])[];
}

async function shaCrypt(password: Buffer, { algorithm, order }: ShaForm, rest: string): Promise<Buffer> {
  const [, asked, saltText = ''] = /^(?:rounds=([0-9]+)\$)?([^$]*)/.exec(rest)!;
  const count = asked === undefined ? 5000 : Math.max(Number(asked), 1000);
  if (count > MOST_ROUNDS) return Buffer.alloc(0);
  const salt = Buffer.from(saltText).subarray(0, 16);
  const inner = hash(algorithm, password, salt, password);
  const parts = [password, salt, repeated(inner, password.length)];
  for (const bit of bitsOf(password.length)) parts.push(bit ? inner : password);
  const first = hash(algorithm, ...parts);
  const p = repeated(hash(algorithm, ...Array<Buffer>(password.length).fill(password)), password.length);
  const s = repeated(hash(algorithm, ...Array<Buffer>(16 + first[0]!).fill(salt)), salt.length);
  const digest = await rounds(count, first, (before, i) => hash(algorithm, ...mixed(i, before, p, s)));
  return encoded(digest, order);
}

const DIGITS = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** Groups of up to three bytes of a digest, the first of a group highest, as digits of 6 bits, the lowest first. */
function encoded(digest: Buffer, order: readonly (readonly number[])[]): Buffer {
  let text = '';
  for (const group of order) {
    let bits = 0;
    for (const at of group) bits = (bits << 8) | digest[at]!;
    for (let n = group.length; n >= 0; n--) {
      text += DIGITS[bits & 63];
      bits >>= 6;
    }
  }
  return Buffer.from(text);
}

const MD5_ORDER = [[0, 6, 12], [1, 7, 13], [2, 8, 14], [3, 9, 15], [4, 10, 5], [11]];

/** The bytes go round the thirds of the digest, and each group begins one third further. */
function thirds(third: number, forward: boolean): readonly (readonly number[])[] {
  return Array.from({ length: third }, (_, i) => {
    const group = [i, i + third, i + 2 * third];
    const shift = forward ? i % 3 : (3 - (i % 3)) % 3;
    return [...group.slice(shift), ...group.slice(0, shift)];
  });
}

const SHA256: ShaForm = { algorithm: 'sha256', order: [...thirds(10, false), [31, 30]] };
const SHA512: ShaForm = { algorithm: 'sha512', order: [...thirds(21, true), [63]] };
