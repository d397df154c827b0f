import type { SettingsWithin } from '../../config/block.ts';
import { flag, msec, oneOf, size, text, value } from '../../config/rows.ts';
import type { Word } from '../../config/statement.ts';
import type { Context, ReadContext, Settings, ValueRow } from '../../config/table.ts';

const SERVER: readonly Context[] = ['rtmp', 'rtmp_server'];

/** Reads an endpoint's URL; null for `off`. */
function readUrl(word: Word, context: ReadContext): string | null {
  const written = word.value;
  if (written.toLowerCase() === 'off') return null;
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(written)?.[1]?.toLowerCase();
  const full = scheme === undefined ? `http://${written}` : written;
  const url = URL.canParse(full) ? new URL(full) : null;
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.hostname === '') {
    return context.fail(
      `invalid URL "${written}" in "${context.name}" directive`,
      word.at,
      'http://host[:port]/path or https://…, or off',
    );
  }
  url.hash = '';
  return url.href;
}

function endpoint(help: string, example: string, contexts?: readonly Context[]): ValueRow<string | null> {
  return value(([word], context) => readUrl(word!, context), null, help, 'URL | off', {
    repeat: 'last',
    shown: 'off',
    example,
    ...(contexts === undefined ? {} : { contexts }),
  });
}

/** How requests are made; for the server's callbacks and for those of its applications. */
const callTable = {
  notify_method: oneOf(
    ['post', 'get'],
    'post',
    'post sends the fields in the body of the request, get in the query of its URL.',
    { repeat: 'last', example: 'notify_method get;' },
  ),
  notify_format: oneOf(
    ['form', 'json'],
    'form',
    'How post writes the fields: as a form, or as one JSON object with numbers as numbers and the client’s arguments as one text.',
    { example: 'notify_format json;' },
  ),
  netcall_timeout: msec(10_000, 'The whole time from a request to its answer.', {
    shown: '10s',
    example: 'netcall_timeout 3s;',
    least: 1,
    contexts: SERVER,
  }),
  netcall_connect_timeout: msec(
    1000,
    'The time of it that resolving the name and connecting, TLS included, may take.',
    { shown: '1s', least: 1, contexts: SERVER, example: 'netcall_connect_timeout 3s;' },
  ),
  netcall_buffer: size(1024, 'Accepted, has no effect: an answer may have 64 KB.', {
    shown: '1k',
    example: 'netcall_buffer 4k;',
    contexts: SERVER,
  }),
  netcall_ssl_verify: flag(
    true,
    'Whether https:// endpoints need a certificate that is valid for their name.',
    {
      contexts: SERVER,
      example: 'netcall_ssl_verify off;',
    },
  ),
  netcall_ssl_trusted_certificate: text(
    '',
    'A file of certificates (PEM) of the authorities that are trusted for https:// endpoints instead of the system’s.',
    {
      syntax: 'FILE',
      shown: 'those of the system',
      contexts: SERVER,
      example: 'netcall_ssl_trusted_certificate conf/ca.pem;',
    },
  ),
  notify_send_redirect: flag(
    false,
    'An answer that redirects to rtmp:// sends the client there instead of relaying.',
    { repeat: 'last', example: 'notify_send_redirect on;' },
  ),
} as const;

/** Callbacks of connections. */
const connectionTable = {
  on_connect: endpoint(
    'Asked whether a client may use an application; the answer may name another application.',
    'on_connect http://127.0.0.1:8000/rtmp;',
    SERVER,
  ),
  on_disconnect: endpoint(
    'Told when a client that was let in has gone.',
    'on_disconnect http://127.0.0.1:8000/rtmp;',
    SERVER,
  ),
} as const;

/** Callbacks of publishers and players. */
const streamTable = {
  on_publish: endpoint(
    'Asked whether a client may publish, before anything of the stream reaches anyone; the answer may name another stream, targets to push it to, limits and an end.',
    'on_publish https://api.example.com/stream?event=publish;',
  ),
  on_play: endpoint(
    'Asked whether a client may play, over RTMP and HTTP-FLV; the answer may name another stream, a source to pull it from, and an end.',
    'on_play http://127.0.0.1:8000/play;',
  ),
  on_publish_done: endpoint(
    'Told once for every publisher that was let in, when it ends, however it ends.',
    'on_publish_done http://127.0.0.1:8000/gone;',
  ),
  on_play_done: endpoint(
    'Told once for every player that was let in, when it ends, however it ends.',
    'on_play_done http://127.0.0.1:8000/gone;',
  ),
  on_done: endpoint('Told after both of these.', 'on_done http://127.0.0.1:8000/gone;'),
  on_update: endpoint(
    'Asked for each publisher and player every notify_update_timeout whether it may go on; it is ended when the answer is no.',
    'on_update http://127.0.0.1:8000/still;',
  ),
  on_playlist: endpoint(
    'Told each time that the HLS playlist of a stream has been written to the disk, with its path; not again where that fails.',
    'on_playlist http://127.0.0.1:8000/playlist;',
  ),
  notify_update_timeout: msec(
    30_000,
    'How long after the start, and after each answer, on_update is called; 0: never.',
    {
      shown: '30s',
      example: 'notify_update_timeout 10s;',
    },
  ),
  notify_update_strict: flag(
    false,
    'on: only a 2xx answer to on_update lets a session go on. off: so do 3xx and no answer at all.',
    { example: 'notify_update_strict on;' },
  ),
  notify_relay_redirect: flag(
    false,
    'Where an answer redirects to rtmp://, the local stream is named by the MD5 of that URL, so that each remote stream has one of its own.',
    { example: 'notify_relay_redirect on;' },
  ),
  notify_no_resolve: flag(
    false,
    'on: refuses answers that redirect to rtmp:// by a host name instead of an IP address.',
    { example: 'notify_no_resolve on;' },
  ),
} as const;

/** Callbacks of recordings; a recorder may have its own. */
export const recordingTable = {
  on_record_started: endpoint(
    'Told when the first frame of a recording comes, with its path.',
    'on_record_started http://127.0.0.1:8000/recording;',
  ),
  on_record_done: endpoint(
    'Told when a recording is whole on the disk, with its path, size (bytes) and duration (ms).',
    'on_record_done http://127.0.0.1:8000/recorded;',
  ),
} as const;

/** What the service of a server is run by. */
export const connectionSettings = { ...connectionTable, ...callTable } as const;
/** What the service of an application is run by. */
export const streamSettings = { ...streamTable, ...recordingTable, ...callTable } as const;

/** The module's directives by scope. */
export const notifyTables = {
  rtmp_server: connectionTable,
  application: { ...streamTable, ...callTable },
  recorder: recordingTable,
} as const;

export type ConnectionSettings = Settings<typeof connectionSettings>;
export type StreamSettings = SettingsWithin<typeof streamSettings, typeof recordingTable>;
/** What every request is made by. */
export type CallSettings = Settings<typeof callTable>;
/** The directives that name an endpoint. */
export type Hook =
  | keyof typeof connectionTable
  | keyof typeof recordingTable
  | Exclude<keyof typeof streamTable, `notify_${string}`>;
