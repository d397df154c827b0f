import { isIP, isIPv4, isIPv6 } from 'node:net';

/** One end of a connection as a proxy tells of it; `address` is an IP address without brackets. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** Who is connected to whom, on the other side of a proxy. */
export interface Proxied {
  readonly source: Endpoint;
  readonly target: Endpoint;
}

/**
 * What the first bytes of a connection are: the beginning of a header; a whole one of `length` bytes, which tells of
 * nobody where the proxy speaks for itself or cannot say; or something else.
 */
export type ProxyHeader =
  | { readonly kind: 'part' }
  | { readonly kind: 'whole'; readonly length: number; readonly proxied: Proxied | null }
  | { readonly kind: 'wrong'; readonly reason: string };

/** The most bytes a header may have: addresses and the usual further fields of version 2 need a few hundred. */
const MOST_HEADER_BYTES = 4096;

/** The longest line of version 1, with its end. */
const MOST_LINE_BYTES = 107;
const LINE = Buffer.from('PROXY ');
const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
/** Signature, version and command, family and protocol, length. */
const FIXED_BYTES = 16;

const PART: ProxyHeader = { kind: 'part' };

/** Reads the header of the PROXY protocol, version 1 (a line) or 2 (binary), as HAProxy specifies it. */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  if (startsAs(bytes, SIGNATURE)) return bytes.length < FIXED_BYTES ? partOfFixed(bytes) : readBinary(bytes);
  if (startsAs(bytes, LINE)) return readLine(bytes);
  return wrong('it does not begin with a PROXY header');
}

function wrong(reason: string): ProxyHeader {
  return { kind: 'wrong', reason };
}

/** Whether the bytes are a beginning as far as they go. */
function startsAs(bytes: Buffer, beginning: Buffer): boolean {
  const length = Math.min(bytes.length, beginning.length);
  return bytes.compare(beginning, 0, length, 0, length) === 0;
}

function readLine(bytes: Buffer): ProxyHeader {
  const end = bytes.indexOf('\r\n');
  if (end < 0 || end + 2 > MOST_LINE_BYTES) {
    return end < 0 && bytes.length < MOST_LINE_BYTES ? PART : wrong('the PROXY line is too long');
  }
  const length = end + 2;
  const [, family, source, target, sourcePort, targetPort, ...more] = bytes
    .toString('latin1', 0, end)
    .split(' ');
  if (family === 'UNKNOWN') return { kind: 'whole', length, proxied: null };
  const test = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isIPv6 : null;
  const ports = [portOf(sourcePort), portOf(targetPort)] as const;
  if (test === null || !test(source ?? '') || !test(target ?? '') || more.length > 0) {
    return wrong('the PROXY line makes no sense');
  }
  if (ports[0] === null || ports[1] === null) return wrong('the PROXY line has no valid ports');
  const proxied = {
    source: { address: source!, port: ports[0] },
    target: { address: target!, port: ports[1] },
  };
  return { kind: 'whole', length, proxied };
}

function portOf(text: string | undefined): number | null {
  if (text === undefined || !/^(?:0|[1-9][0-9]{0,4})$/.test(text)) return null;
  const port = Number(text);
  return port <= 65_535 ? port : null;
}

/** What can be told to be wrong before all of the fixed part is there. */
function partOfFixed(bytes: Buffer): ProxyHeader {
  if (bytes.length > 12 && bytes[12]! >> 4 !== 2) return wrong('the PROXY header has an unknown version');
  return PART;
}

function readBinary(bytes: Buffer): ProxyHeader {
  const command = bytes[12]!;
  if (command >> 4 !== 2) return wrong('the PROXY header has an unknown version');
  if ((command & 15) > 1) return wrong('the PROXY header has an unknown command');
  const rest = bytes.readUInt16BE(14);
  const length = FIXED_BYTES + rest;
  if (length > MOST_HEADER_BYTES) return wrong('the PROXY header is too long');
  const family = bytes[13]! >> 4;
  const size = family === 1 ? 4 : family === 2 ? 16 : 0;
  const speaksForItself = (command & 15) === 0;
  if (!speaksForItself && rest < 2 * size + 4 * Math.sign(size))
    return wrong('the PROXY header is too short');
  if (bytes.length < length) return PART;
  // Families without addresses that count here, such as unix sockets, tell of nobody.
  if (speaksForItself || size === 0) return { kind: 'whole', length, proxied: null };
  const ports = FIXED_BYTES + 2 * size;
  const proxied = {
    source: { address: addressAt(bytes, FIXED_BYTES, size), port: bytes.readUInt16BE(ports) },
    target: { address: addressAt(bytes, FIXED_BYTES + size, size), port: bytes.readUInt16BE(ports + 2) },
  };
  return { kind: 'whole', length, proxied };
}

function addressAt(bytes: Buffer, at: number, size: number): string {
  if (size === 4) return bytes.subarray(at, at + 4).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(at + 2 * i));
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return `::ffff:${bytes.subarray(at + 12, at + 16).join('.')}`;
  }
  // The text that URLs have is the canonical one (RFC 5952).
  const text = groups.map((group) => group.toString(16)).join(':');
  const canonical = new URL(`http://[${text}]/`).hostname.slice(1, -1);
  return isIP(canonical) === 6 ? canonical : text;
}
