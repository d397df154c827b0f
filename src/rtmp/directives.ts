import { flag, list, msec, number, size, value } from '../config/rows.ts';
import type { Word } from '../config/statement.ts';
import type { BlockRow, ReadContext, Settings } from '../config/table.ts';
import { liveTable } from '../core/applications/live.ts';
import type { Module } from '../core/module.ts';
import { type Keepalive, type Listen, readKeepalive, readListen } from '../core/net/addresses.ts';
import { readTrusted } from '../core/net/networks.ts';
import { serverNamePattern } from '../core/net/server-names.ts';
import { AMF_LIMITS } from '../wire/amf.ts';

/** The port of RTMP. */
export const RTMP_PORT = 1935;
/** The deepest that values may be let nest: readers call themselves for each level, so the stack must have room for it. */
export const MOST_AMF_DEPTH = 256;

const rtmpBlock: BlockRow<null> = {
  kind: 'block',
  opens: 'rtmp',
  read: () => null,
  min: 0,
  max: 0,
  contexts: ['main'],
  key: () => 'rtmp',
  syntax: '{ ... }',
  help: 'Holds the RTMP servers and what they have in common.',
  example: 'rtmp { server { application live { live on; } } }',
};

const serverBlock: BlockRow<null> = {
  kind: 'block',
  opens: 'rtmp_server',
  read: () => null,
  min: 0,
  max: 0,
  contexts: ['rtmp'],
  key: null,
  syntax: '{ ... }',
  help: 'An RTMP server, chosen by the address a client came to and then by the host in its URL.',
  example: 'server { listen 1935; application live { live on; } }',
};

const applicationBlock: BlockRow<string> = {
  kind: 'block',
  opens: 'application',
  read: ([name], context) => readApplicationName(name!, context),
  min: 1,
  max: 1,
  contexts: ['rtmp_server'],
  key: (name) => name,
  duplicates: 'ignored',
  syntax: 'name { ... }',
  help: 'A group of streams with settings of their own: the first part of the path in rtmp://host/application/stream.',
  example: 'application live { live on; }',
};

function readApplicationName(word: Word, context: ReadContext): string {
  const name = word.value.replace(/^\/+|\/+$/g, '');
  if (name === '' || name.includes('?')) {
    return context.fail(
      `invalid application name "${word.value}"`,
      word.at,
      'a name as it stands in the URL, such as live',
    );
  }
  return name;
}

function readServerNames(words: readonly Word[], context: ReadContext): readonly string[] {
  return words.map((word) => {
    if (word.value.startsWith('~') && serverNamePattern(word.value) === null) {
      context.fail(`invalid regular expression in server name "${word.value}"`, word.at);
    }
    return word.value.startsWith('~') ? word.value : word.value.toLowerCase();
  });
}

/** Directives of an RTMP server; those about a connection count from its connect command on. */
export const rtmpServerTable = {
  listen: list<Listen>(
    (words, context) => readListen(words, context, RTMP_PORT),
    'An address to take RTMP connections on: a port, ADDRESS:PORT, [IPv6]:PORT or unix:PATH; without any, port 1935.',
    'address[:port] | port | unix:path [default_server] [so_keepalive=...] [proxy_protocol] [option ...]',
    {
      contexts: ['rtmp_server'],
      merge: 'own',
      min: 1,
      max: Number.POSITIVE_INFINITY,
      example: 'listen 1935;',
    },
  ),
  server_name: value<readonly string[]>(
    readServerNames,
    [],
    'The hosts it answers for: names, *.suffix, prefix.*, .domain, or ~pattern, compared with the host of the client’s URL.',
    'name ...',
    {
      contexts: ['rtmp_server'],
      merge: 'own',
      repeat: 'list',
      max: Number.POSITIVE_INFINITY,
      example: 'server_name live.example.com;',
    },
  ),
  set_real_ip_from: list<string>(
    readTrusted,
    'Proxies whose PROXY header is believed on addresses with proxy_protocol; without any, whoever connects is.',
    'address | CIDR | unix:',
    { example: 'set_real_ip_from 10.0.0.0/8;' },
  ),
  so_keepalive: value<Keepalive | null>(
    ([word], context) => readKeepalive(word!.value, word!, context),
    null,
    'TCP keepalive of the clients’ connections: finds peers that vanished.',
    'on | off | [idle]:[interval]:[count]',
    { example: 'so_keepalive 30s::3;', shown: 'off' },
  ),
  timeout: msec(
    60_000,
    'Ends a client that takes no byte it is sent, or does nothing at all, for this long.',
    { example: 'timeout 30s;', shown: '60s', least: 1 },
  ),
  handshake_timeout: msec(
    10_000,
    'The time in which the handshake of a client must be done, and again for its connect command after that.',
    { shown: '10s', least: 1, example: 'handshake_timeout 5s;' },
  ),
  max_handshakes: number(
    1024,
    'Clients that may be in their handshake, or before their connect command, at a time; above it the oldest are let go.',
    { example: 'max_handshakes 200;', least: 1 },
  ),
  ping: msec(60_000, 'Asks a client from which no byte came for this long whether it is there; 0: never.', {
    example: 'ping 20s;',
    shown: '60s',
  }),
  ping_timeout: msec(30_000, 'Ends a client that does not answer that within this time.', {
    example: 'ping_timeout 10s;',
    shown: '30s',
  }),
  max_streams: number(32, 'The limit of chunk stream ids a client may use.', {
    example: 'max_streams 64;',
    least: 8,
    most: 65_600,
  }),
  ack_window: number(5_000_000, 'Bytes after which clients are asked to acknowledge.', {
    example: 'ack_window 2500000;',
    least: 1,
  }),
  chunk_size: number(4096, 'Bytes per chunk of what is sent.', {
    least: 128,
    most: 10_485_760,
    example: 'chunk_size 60000;',
  }),
  max_message: size(16 * 1024 * 1024, 'The largest message a client may send.', {
    example: 'max_message 4m;',
    shown: '16m',
    least: 1024,
  }),
  max_amf_depth: number(
    AMF_LIMITS.depth,
    'How deep objects and arrays in a command or in metadata of a client may lie within one another.',
    { example: 'max_amf_depth 8;', least: 4, most: MOST_AMF_DEPTH },
  ),
  max_amf_values: number(
    AMF_LIMITS.values,
    'How many values a command or metadata of a client may hold, what is referred to counted each time.',
    { example: 'max_amf_values 20000;', least: 64, most: 100_000 },
  ),
  out_queue: size(256, 'Accepted, has no effect: a player’s queue is bounded by out_queue_size.', {
    example: 'out_queue 512;',
  }),
  out_cork: size(32, 'Accepted, has no effect: see out_merge.', { example: 'out_cork 8;' }),
  busy: flag(false, 'Ends a client from which no byte came for the time of ping instead of asking it.', {
    example: 'busy on;',
  }),
  buflen: msec(1000, 'The buffer announced to players of recordings.', {
    example: 'buflen 5s;',
    shown: '1s',
  }),
} as const;

/** What reads of timestamps and sockets are told in applications, where nothing has to be told. */
const tuningTable = {
  play_time_fix: flag(true, 'Accepted; extended timestamps are always repeated for players.', {
    example: 'play_time_fix on;',
  }),
  publish_time_fix: flag(
    true,
    'Accepted; both habits of publishers with extended timestamps are recognised.',
    { example: 'publish_time_fix on;' },
  ),
} as const;

export type RtmpServerSettings = Settings<typeof rtmpServerTable>;

/** The directives of the RTMP servers and of live streams. */
export const rtmpModule: Module = {
  name: 'rtmp',
  tables: {
    main: { rtmp: rtmpBlock },
    rtmp: { server: serverBlock },
    rtmp_server: { application: applicationBlock, ...rtmpServerTable },
    application: { ...liveTable, ...tuningTable },
  },
};
