import { readRoute } from '../core/applications/route.ts';
import { splitOnce } from '../core/net/addresses.ts';
import { type AmfObject, type AmfValue, isAmfObject } from '../wire/amf.ts';
import type { AmfWritableObject } from '../wire/amf0.ts';

/** What a client says of itself in its connect command. */
export interface ConnectFields {
  readonly app: string;
  /** The query of `app` or of the URL, without `?`. */
  readonly args: string;
  readonly tcurl: string;
  readonly flashver: string;
  readonly swfurl: string;
  readonly pageurl: string;
  /** Where the stream has been, if a relay asks; see `core/applications/route.ts`. */
  readonly via: readonly string[];
  /** 0 or 3: the version of AMF the client would like. */
  readonly objectEncoding: number;
  /** The client speaks enhanced RTMP. */
  readonly enhanced: boolean;
}

/** Longest of each text; signed tokens run to some kilobytes. */
const MAX_TEXT = 4096;

/** Reads the command object of connect. */
export function readConnect(object: AmfValue): ConnectFields {
  const fields: AmfObject = isAmfObject(object) ? object : {};
  const text = (name: string): string => {
    const value = fields[name];
    return typeof value === 'string' ? value.slice(0, MAX_TEXT) : '';
  };
  const tcurl = text('tcUrl');
  const [path, query] = splitOnce(text('app'), '?');
  const encoding = fields['objectEncoding'];
  return {
    app: trimInstance(path),
    args: query ?? splitOnce(tcurl, '?')[1] ?? '',
    tcurl,
    flashver: text('flashVer'),
    swfurl: text('swfUrl'),
    pageurl: text('pageUrl'),
    via: readRoute(text('via')),
    objectEncoding: encoding === 3 ? 3 : 0,
    enhanced: ['fourCcList', 'videoFourCcInfoMap', 'audioFourCcInfoMap', 'capsEx'].some(
      (name) => fields[name] !== undefined && fields[name] !== null,
    ),
  };
}

/** `live/_definst_` and `live/` are `live`. */
function trimInstance(path: string): string {
  const bare = path.replace(/^\/+/, '');
  return bare.endsWith('/_definst_') ? bare.slice(0, -'/_definst_'.length) : bare.replace(/\/$/, '');
}

/** The host of a `scheme://host[:port]/…` URL of any scheme, IPv6 in brackets; null where there is none. */
export function hostOfUrl(url: string): string | null {
  const match = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/(?:[^/@?]*@)?(\[[0-9a-fA-F:.]+\]|[^/:?#]*)/.exec(url);
  const host = match?.[1];
  return host === undefined || host === '' || host.includes('..') ? null : host.toLowerCase();
}

/** What the server says of itself in the answer to connect. */
export function serverFields(): AmfWritableObject {
  return { fmsVer: 'FMS/3,0,1,123', capabilities: 31 };
}

/** The outcome part of the answer, with what the server can do where the client asked in enhanced RTMP's terms. */
export function connectInfo({ objectEncoding, enhanced }: ConnectFields): AmfWritableObject {
  const info = {
    level: 'status',
    code: 'NetConnection.Connect.Success',
    description: 'Connection succeeded.',
    objectEncoding,
  };
  if (!enhanced) return info;
  // 4 is "can forward": every codec passes through untouched. capsEx: multitrack, ModEx, nanosecond offsets.
  return {
    ...info,
    fourCcList: ['*'],
    videoFourCcInfoMap: { '*': 4 },
    audioFourCcInfoMap: { '*': 4 },
    capsEx: 14,
  };
}
