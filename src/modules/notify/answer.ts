import { isJson, type NetAnswer } from '../../core/net/netcall.ts';

/** Bounds a backend puts on a publisher. */
export interface Limits {
  /** Bits per second of all its media, on the average of some seconds. */
  readonly bitrate?: number;
  /** Players of the stream at a time. */
  readonly players?: number;
}

/** What an answer wishes beyond yes. */
interface Wishes {
  /** The stream (of on_connect the application) in place of the one asked for. */
  readonly name?: string;
  /** Where to push to. */
  readonly push?: readonly string[];
  /** Where to pull from. */
  readonly pull?: string;
  /** Where a Location points to that is no name: what it means depends on who asked. */
  readonly relay?: string;
  /** Where the client is to go. */
  readonly redirect?: string;
  /** Seconds after which the session ends. */
  readonly expires?: number;
  readonly limits?: Limits;
}

export type Verdict =
  | ({ readonly allow: true; readonly moved: boolean } & Wishes)
  | {
      readonly allow: false;
      /** Shown to the client; null: the answer names none. */
      readonly reason: string | null;
      /** For the log. */
      readonly why: string;
    };

const MAX_REASON = 200;
const MAX_TARGETS = 16;
const MAX_URL = 2048;

/** The answer says something that has no meaning: as good as none. */
class Meaningless extends Error {}

/** What an answer says, by its status and, where it is JSON, by its body. */
export function verdictOf(answer: NetAnswer): Verdict {
  const { status } = answer;
  try {
    const said = isJson(answer.type) ? readJson(answer.body) : {};
    const reason =
      textOf(said, 'reason')
        ?.replace(/[\u0000-\u001f\u007f]+/g, ' ')
        .slice(0, MAX_REASON) ?? null;
    if (status < 200 || status > 399) return { allow: false, reason, why: `the answer is ${status}` };
    if (flagOf(said, 'allow') === false) return { allow: false, reason, why: 'the answer says no' };
    const moved = status >= 300;
    if (moved) return { allow: true, moved, ...ofLocation(answer.location) };
    return { allow: true, moved, ...wishesOf(said) };
  } catch (error) {
    if (!(error instanceof Meaningless)) throw error;
    return { allow: false, reason: null, why: error.message };
  }
}

/** Whether a Location is an address to relay to or from. */
function isRelayUrl(text: string): boolean {
  return /^rtmps?:\/\//i.test(text);
}

function ofLocation(location: string | null): Wishes {
  if (location === null || location === '') return {};
  return isRelayUrl(location) ? { relay: location } : { name: location };
}

type Said = Readonly<Record<string, unknown>>;

/** Other JSON than an object wishes nothing: frameworks answer `null` or `"OK"`. */
function readJson(body: string): Said {
  if (body.trim() === '') return {};
  let said: unknown;
  try {
    said = JSON.parse(body);
  } catch {
    throw new Meaningless('the answer is not the JSON it says it is');
  }
  return typeof said === 'object' && said !== null && !Array.isArray(said) ? (said as Said) : {};
}

function wishesOf(said: Said): Wishes {
  const name = textOf(said, 'name');
  const pull = urlOf(said, 'pull');
  const redirect = urlOf(said, 'redirect');
  const push = said['push'];
  const expires = numberOf(said, 'expires');
  const limits = limitsOf(said['limits']);
  return {
    ...(name === undefined || name === '' ? {} : { name }),
    ...(pull === undefined ? {} : { pull }),
    ...(redirect === undefined ? {} : { redirect }),
    ...(push === undefined || push === null ? {} : { push: targetsOf(push) }),
    ...(expires === undefined ? {} : { expires }),
    ...(limits === undefined ? {} : { limits }),
  };
}

function limitsOf(said: unknown): Limits | undefined {
  if (said === undefined || said === null) return undefined;
  if (typeof said !== 'object' || Array.isArray(said)) throw new Meaningless('"limits" is no object');
  const bitrate = numberOf(said as Said, 'bitrate');
  const players = numberOf(said as Said, 'players');
  return {
    ...(bitrate === undefined ? {} : { bitrate }),
    ...(players === undefined ? {} : { players }),
  };
}

function targetsOf(said: unknown): readonly string[] {
  const all: readonly unknown[] = Array.isArray(said) ? said : [said];
  if (all.length > MAX_TARGETS) throw new Meaningless(`"push" has more than ${MAX_TARGETS} addresses`);
  return all.map((one) => relayUrl(one, 'push'));
}

function urlOf(said: Said, key: string): string | undefined {
  const one = said[key];
  return one === undefined || one === null ? undefined : relayUrl(one, key);
}

function relayUrl(said: unknown, key: string): string {
  if (typeof said === 'string' && said.length <= MAX_URL && isRelayUrl(said)) return said;
  throw new Meaningless(`"${key}" is no rtmp:// or rtmps:// address`);
}

function textOf(said: Said, key: string): string | undefined {
  const one = said[key];
  if (one === undefined || one === null) return undefined;
  if (typeof one === 'string') return one;
  throw new Meaningless(`"${key}" is no text`);
}

function flagOf(said: Said, key: string): boolean | undefined {
  const one = said[key];
  if (one === undefined || one === null) return undefined;
  if (typeof one === 'boolean') return one;
  throw new Meaningless(`"${key}" is neither true nor false`);
}

function numberOf(said: Said, key: string): number | undefined {
  const one = said[key];
  if (one === undefined || one === null) return undefined;
  if (typeof one === 'number' && Number.isFinite(one) && one >= 0) return one;
  throw new Meaningless(`"${key}" is no number from 0 on`);
}
