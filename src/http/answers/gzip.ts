import type { Answer, Exchange, HeaderField } from '../requests/exchange.ts';
import { wholeOf } from './streamed-body.ts';

/** Up to here compressing is over sooner than another thread would have begun. */
const AT_ONCE_BYTES = 16 * 1024;
/** Longer texts are sent as they are. */
const MOST_BYTES = 8 * 1024 * 1024;

const STATUSES = new Set([200, 403, 404]);

/** Not loaded before something is compressed: it is 2 ms of a start. */
const zlib = (): typeof import('node:zlib') => process.getBuiltinModule('node:zlib');

/** The answer as it is to be sent: compressed where the place says so and the client takes it. */
export function compressed(exchange: Exchange, answer: Answer): Answer | Promise<Answer> {
  const { gzip: conf } = exchange.place;
  if (conf === null || !isCompressible(exchange, answer)) return answer;
  const vary: readonly HeaderField[] = conf.vary ? [['Vary', 'Accept-Encoding']] : [];
  if (!isAccepted(exchange)) return { ...answer, headers: [...(answer.headers ?? []), ...vary] };
  const { body } = answer;
  if (body === undefined) return answer;
  const known = kept.get(answer);
  if (known?.level === conf.level && known.vary === conf.vary) return known.answer;
  const headers = [...withoutParts(answer.headers ?? []), ['Content-Encoding', 'gzip'] as const, ...vary];
  const whole = (bytes: Buffer): Answer => ({ ...answer, headers, body: bytes });
  if (typeof body === 'object' && !Buffer.isBuffer(body)) {
    return wholeOf(body)
      .then((bytes) => later(bytes, conf.level))
      .then(whole);
  }
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  if (bytes.length > AT_ONCE_BYTES) {
    return later(bytes, conf.level).then((less) => keep(answer, conf, whole(less)));
  }
  return keep(answer, conf, whole(zlib().gzipSync(bytes, { level: conf.level })));
}

/** Compressed once for all that get the same answer. */
const kept = new WeakMap<
  Answer,
  { readonly level: number; readonly vary: boolean; readonly answer: Answer }
>();

function keep(answer: Answer, { level, vary }: Gzip, made: Answer): Answer {
  if (answer.lasting === true) kept.set(answer, { level, vary, answer: made });
  return made;
}

function later(bytes: Buffer, level: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const { constants, gzip } = zlib();
    gzip(bytes, { level, strategy: constants.Z_DEFAULT_STRATEGY }, (error, less) => {
      if (error === null) resolve(less);
      else reject(error);
    });
  });
}

/** How a place compresses. */
export interface Gzip {
  readonly types: ReadonlySet<string>;
  readonly least: number;
  readonly level: number;
  readonly vary: boolean;
  readonly old: boolean;
  readonly proxied: boolean;
}

function isCompressible({ place, errorStatus }: Exchange, answer: Answer): boolean {
  const { body, type = '', headers = [] } = answer;
  const { types, least } = place.gzip!;
  if (body === undefined) return false;
  if (!STATUSES.has(errorStatus === 0 ? answer.status : errorStatus)) return false;
  const bytes = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
  if (bytes < least || bytes > MOST_BYTES) return false;
  const bare = type.split(';', 1)[0]!.trim().toLowerCase();
  if (!types.has(bare) && !types.has('*') && bare !== 'text/html') return false;
  return !headers.some(([name]) => /^content-(?:encoding|range)$/i.test(name));
}

function isAccepted({ place, request }: Exchange): boolean {
  const { old, proxied } = place.gzip!;
  if (!old && request.httpVersion !== '1.1') return false;
  if (!proxied && request.headers.via !== undefined) return false;
  const asked = request.headers['accept-encoding'];
  if (asked === undefined) return false;
  for (const part of String(asked).split(',')) {
    const [name, quality] = part
      .trim()
      .toLowerCase()
      .split(/\s*;\s*q=/);
    if (name === 'gzip') return quality === undefined || Number(quality) > 0;
  }
  return false;
}

/** The fields that still hold: a part of what is sent is none of the file, and its tag is only nearly the same. */
function withoutParts(fields: readonly HeaderField[]): readonly HeaderField[] {
  return fields
    .filter(([name]) => name !== 'Accept-Ranges')
    .map((field) => (field[0] === 'ETag' && !field[1].startsWith('W/') ? ['ETag', `W/${field[1]}`] : field));
}
