import { isIP } from 'node:net';
import { choose } from '../../config/rows.ts';
import type { Word } from '../../config/statement.ts';
import type { ReadContext } from '../../config/table.ts';
import { parseFlag, parseNumber } from '../../config/values.ts';
import { splitOnce } from '../../core/net/addresses.ts';
import { PeerUrlError, readPeerUrl } from '../../rtmp/peer.ts';
import { fill, references, VARIABLES } from './template.ts';

/** One `push`, `pull` or `push_arg`, as written; texts are empty and numbers null where not given. */
export interface RelayLine {
  /** With its variables. */
  readonly url: string;
  readonly app: string;
  /** The only local stream it is for; empty: every one. */
  readonly name: string;
  readonly tcUrl: string;
  readonly pageUrl: string;
  readonly swfUrl: string;
  readonly flashVer: string;
  readonly playPath: string;
  readonly live: boolean;
  /** ms. */
  readonly start: number | null;
  readonly stop: number | null;
  readonly static: boolean;
  /** null: as `relay_ssl_verify` says. */
  readonly verify: boolean | null;
  /** The local address to connect from. */
  readonly bind: string;
}

/** A `push_arg`: the publish argument that asks for the push, and where it goes. */
export interface ArgumentLine {
  readonly argument: string;
  readonly line: RelayLine;
}

/** A relay to a URL with nothing else said. */
export function plainLine(url: string): RelayLine {
  return {
    url,
    app: '',
    name: '',
    tcUrl: '',
    pageUrl: '',
    swfUrl: '',
    flashVer: '',
    playPath: '',
    live: false,
    start: null,
    stop: null,
    static: false,
    verify: null,
    bind: '',
  };
}

const KEYS = [
  'app',
  'name',
  'tcUrl',
  'pageUrl',
  'swfUrl',
  'flashVer',
  'playPath',
  'live',
  'start',
  'stop',
  'static',
  'verify',
  'bind',
] as const;

/** Reads `URL [key=value ...]`; a key alone means 1. */
export function readLine(words: readonly Word[], context: ReadContext): RelayLine {
  const [url, ...parameters] = words;
  checkUrl(url!, context);
  let line = plainLine(url!.value);
  for (const word of parameters) line = { ...line, ...readParameter(word, context) };
  if (line.static) checkStatic(line, url!, context);
  return line;
}

/** Reads `NAME URL [key=value ...]`. */
export function readArgumentLine(words: readonly Word[], context: ReadContext): ArgumentLine {
  const [argument, ...rest] = words;
  if (!/^[A-Za-z0-9_-]+$/.test(argument!.value)) {
    context.fail(`invalid argument name "${argument!.value}"`, argument!.at, 'letters, digits, _ and -');
  }
  return { argument: argument!.value, line: readLine(rest, context) };
}

function readParameter(word: Word, context: ReadContext): Partial<RelayLine> {
  const [written, given] = splitOnce(word.value, '=');
  const key = choose(KEYS, { ...word, value: written }, context);
  const value = given ?? '1';
  switch (key) {
    case 'live':
      return { live: value !== '0' && value !== '' };
    case 'static':
      if (context.name !== 'pull') context.fail('static is only for pull', word.at);
      return { static: value !== '0' };
    case 'start':
    case 'stop':
      return {
        [key]: parseNumber(value) ?? context.fail(`invalid ${key} "${value}"`, word.at, 'milliseconds'),
      };
    case 'verify':
      return {
        verify:
          parseFlag(value) ?? context.fail(`invalid verify "${value}"`, word.at, 'verify=on or verify=off'),
      };
    case 'bind':
      if (isIP(value) === 0)
        context.fail(`invalid address "${value}"`, word.at, 'an IP address of this machine');
      return { bind: value };
    default:
      return { [key]: value };
  }
}

function checkUrl(word: Word, context: ReadContext): void {
  const { variables, environment, unknown } = references(word.value);
  for (const name of unknown) {
    context.warn(
      `unknown variable "$${name}"`,
      word.at,
      `it is taken as it stands; there are ${VARIABLES.map((one) => `$${one}`).join(', ')}`,
    );
  }
  if (context.name !== 'push_arg' && variables.includes('value')) {
    context.fail('$value is the argument of push_arg', word.at);
  }
  // What the environment puts in is known only when a connection is made.
  if (environment.length > 0) return;
  const sample = Object.fromEntries(VARIABLES.map((name) => [name, 'x']));
  try {
    readPeerUrl(word.value, (part) => fill(part, sample));
  } catch (error) {
    if (!(error instanceof PeerUrlError)) throw error;
    context.fail(
      `invalid URL in the "${context.name}" directive: ${error.message}`,
      word.at,
      'rtmp://host[:port][/app[/stream]] or rtmps://…',
    );
  }
}

function checkStatic(line: RelayLine, url: Word, context: ReadContext): void {
  if (line.name === '') context.fail('a static pull needs name=', url.at, 'the local stream it feeds');
  const texts = [line.url, line.app, line.playPath];
  if (texts.some((text) => references(text).variables.length > 0)) {
    context.fail('a static pull cannot have variables', url.at, 'nobody has asked for it');
  }
}
