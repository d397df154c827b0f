import { AMF_LIMITS, type AmfLimits, type AmfObject, type AmfValue, isAmfObject } from './amf.ts';
import { type AmfRead, type AmfWritableObject, peekAmf0String, readAmf0Values, writeAmf0 } from './amf0.ts';

/** What goes before metadata on the way from a publisher, and is not meant for players. */
const WRAPPERS: readonly string[] = ['@setDataFrame', 'setDataFrame'];
const NAME = 'onMetaData';

/** The directive `meta`: metadata made anew from what is known, the publisher's own, or none. */
export type MetaMode = 'on' | 'copy' | 'off';

/** Facts of a stream under their names in metadata, in the order they are written. */
export interface KnownMetadata {
  readonly width?: number;
  readonly height?: number;
  readonly displayWidth?: number;
  readonly displayHeight?: number;
  readonly duration?: number;
  readonly framerate?: number;
  readonly fps?: number;
  readonly videodatarate?: number;
  /** A number of the FLV table, or a FourCC as a number or text. */
  readonly videocodecid?: number | string;
  readonly audiodatarate?: number;
  readonly audiocodecid?: number | string;
  readonly profile?: string;
  readonly level?: string | number;
}

/** Whether a data message body is metadata, by its name: `onMetaData`, alone or behind `@setDataFrame`. */
export function isMetadata(body: Buffer): boolean {
  return nameOffset(body) >= 0;
}

/**
 * The object in a metadata message (`onMetaData {…}`, alone or behind `@setDataFrame`); null where there is none.
 * Throws ProtocolError.
 */
export function readMetadata(body: Buffer, limits: AmfLimits = AMF_LIMITS): AmfObject | null {
  const at = nameOffset(body);
  if (at < 0) return null;
  for (const value of readAmf0Values(body, at, limits)) if (isAmfObject(value)) return value;
  return null;
}

/**
 * The metadata players get, as the body of a data message beginning with `onMetaData`. `copy`: the publisher's bytes
 * without the wrapper; `on`: an object with a fixed set of fields, from `known` where it has them, else from the
 * publisher's; null for `off` and where there is nothing to say. `body` is null where the publisher sent none.
 * Throws ProtocolError.
 */
export function metadataFor(
  mode: MetaMode,
  body: Buffer | null,
  known: KnownMetadata = {},
  limits: AmfLimits = AMF_LIMITS,
): Buffer | null {
  if (mode === 'off') return null;
  if (mode === 'copy') return body === null ? null : unwrap(body);
  const sent = body === null ? null : readMetadata(body, limits);
  if (sent === null && Object.keys(known).length === 0) return null;
  return writeAmf0(NAME, build(sent ?? {}, known));
}

function unwrap(body: Buffer): Buffer | null {
  const at = nameOffset(body);
  if (at < 0) return null;
  const bare = body.subarray(at);
  return peekAmf0String(bare)?.value === NAME ? bare : Buffer.concat([writeAmf0(NAME), bare]);
}

/** Where `onMetaData` stands, or what follows the wrapper if the name is missing; -1 where the body is no metadata. */
function nameOffset(body: Buffer): number {
  const first: AmfRead | null = peekAmf0String(body);
  if (first === null) return -1;
  if (first.value === NAME) return 0;
  if (!WRAPPERS.includes(first.value as string)) return -1;
  const second = peekAmf0String(body, first.end);
  // Anything can be set by this call; without a name it is metadata by custom.
  return second === null || second.value === NAME ? first.end : -1;
}

function build(sent: AmfObject, known: KnownMetadata): AmfWritableObject {
  const width = known.width ?? number(sent['width']);
  const height = known.height ?? number(sent['height']);
  const framerate = known.framerate ?? (number(sent['framerate']) || number(sent['fps']));
  return {
    Server: 'mediad',
    width,
    height,
    displayWidth: known.displayWidth ?? (number(sent['displayWidth']) || width),
    displayHeight: known.displayHeight ?? (number(sent['displayHeight']) || height),
    duration: known.duration ?? number(sent['duration']),
    framerate,
    fps: known.fps ?? (number(sent['fps']) || framerate),
    videodatarate: known.videodatarate ?? number(sent['videodatarate']),
    videocodecid: known.videocodecid ?? either(sent['videocodecid']),
    audiodatarate: known.audiodatarate ?? number(sent['audiodatarate']),
    audiocodecid: known.audiocodecid ?? either(sent['audiocodecid']),
    profile: known.profile ?? text(sent['profile']),
    level: known.level ?? either(sent['level'], ''),
  };
}

/** Numbers come as text from some encoders. */
function number(value: AmfValue): number {
  const result = typeof value === 'string' ? Number.parseFloat(value) : value;
  return typeof result === 'number' && Number.isFinite(result) ? result : 0;
}

function text(value: AmfValue): string {
  return typeof value === 'string' ? value : '';
}

function either(value: AmfValue, missing: number | string = 0): number | string {
  return typeof value === 'number' || typeof value === 'string' ? value : missing;
}
