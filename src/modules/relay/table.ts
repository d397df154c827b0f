import { flag, list, msec, text } from '../../config/rows.ts';
import type { Settings } from '../../config/table.ts';
import { type ArgumentLine, type RelayLine, readArgumentLine, readLine } from './line.ts';

const MANY = Number.POSITIVE_INFINITY;
const PARAMETERS =
  '[app=NAME] [name=STREAM] [tcUrl=URL] [pageUrl=URL] [swfUrl=URL] [flashVer=TEXT] [playPath=STREAM] [verify=on|off] [bind=ADDRESS]';

/** Directives of relays. */
export const relayTable = {
  push: list<RelayLine>(
    readLine,
    'Sends every stream of the application, or the one of name=, to another server, or to another application of this one without a socket; app and stream the URL leaves out are the local ones. It may hold $name, $args, $app, $addr, $flashver, $swfurl, $tcurl, $pageurl and, in braces, variables of the environment, as {KEY} behind a dollar sign.',
    `URL ${PARAMETERS}`,
    {
      contexts: ['application'],
      merge: 'own',
      max: MANY,
      example: 'push rtmps://live.example.com/app/$name;',
    },
  ),
  push_arg: list<ArgumentLine>(
    readArgumentLine,
    'Sends a stream to the URL if its publisher asks for it: by the argument NAME in the query of the stream’s name, of which the value is $value. Further arguments that begin with NAME_ are handed on, without that, as the query.',
    `NAME URL ${PARAMETERS}`,
    {
      contexts: ['application'],
      merge: 'own',
      min: 2,
      max: MANY,
      example: 'push_arg youtube rtmp://a.rtmp.youtube.com/live2/$value;',
    },
  ),
  pull: list<RelayLine>(
    readLine,
    'Fetches a stream that nobody publishes here when a player asks for it, from the first of several lines that has it, as long as somebody plays; with static, which needs name=, from the start and for ever. live=1 asks for the live stream only, start= and stop= (ms) for a part of a recording.',
    `URL ${PARAMETERS} [live=1] [start=MS] [stop=MS] [static]`,
    {
      contexts: ['application'],
      merge: 'own',
      max: MANY,
      example: 'pull rtmp://origin.example.com/live/news name=news static;',
    },
  ),
  push_reconnect: msec(
    3000,
    'After a push has failed or ended it is tried again in this time, then in twice as long each time, up to 30 s; the time is as before once it has worked.',
    { example: 'push_reconnect 1s;', shown: '3s', least: 1 },
  ),
  pull_reconnect: msec(3000, 'The same for a pull.', {
    example: 'pull_reconnect 1s;',
    shown: '3s',
    least: 1,
  }),
  relay_buffer: msec(5000, 'The buffer that a pull announces to its source.', {
    example: 'relay_buffer 10s;',
    shown: '5s',
    contexts: ['rtmp', 'rtmp_server'],
  }),
  session_relay: flag(
    false,
    'Keeps the connections of pushes while a publisher has closed its stream and not yet left.',
    { example: 'session_relay on;' },
  ),
  relay_ssl_verify: flag(
    true,
    'Whether rtmps:// peers need a certificate that is valid for their name; verify= of one relay wins.',
    { example: 'relay_ssl_verify off;' },
  ),
  relay_ssl_trusted_certificate: text(
    '',
    'A file of certificates (PEM) of the authorities that are trusted for rtmps:// instead of the system’s.',
    { example: 'relay_ssl_trusted_certificate conf/ca.pem;', syntax: 'FILE', shown: 'those of the system' },
  ),
} as const;

export type RelaySettings = Settings<typeof relayTable>;
