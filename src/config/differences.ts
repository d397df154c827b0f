import type { Context } from './table.ts';

/** A fact of a directive that is another one than in nginx and its media modules, on purpose. */
export interface Difference {
  readonly name: string;
  /** The contexts it holds for; all of the directive's without them. */
  readonly contexts?: readonly Context[];
  readonly fact: 'default' | 'contexts' | 'arguments' | 'block';
  readonly theirs: string;
  readonly ours: string;
  readonly why: string;
}

/** Every deliberate difference of a fact; the rest is as the reference of directives has it. */
export const differences: readonly Difference[] = [
  {
    name: 'daemon',
    fact: 'default',
    theirs: 'on',
    ours: 'off',
    why: 'systemd, containers and terminals want the process in the foreground',
  },
  {
    name: 'pid',
    fact: 'default',
    theirs: 'logs/nginx.pid',
    ours: 'logs/mediad.pid',
    why: 'both may run from one prefix',
  },
  {
    name: 'gop_cache',
    fact: 'default',
    theirs: 'off',
    ours: 'on',
    why: 'a player that joins gets a picture at once',
  },
  {
    name: 'hls_datetime',
    fact: 'default',
    theirs: 'none',
    ours: 'system',
    why: 'players on Apple devices want dates, and delays can be measured with them',
  },
  {
    name: 'max_message',
    fact: 'default',
    theirs: '1m',
    ours: '16m',
    why: 'key frames of large pictures are longer than a megabyte',
  },
  {
    name: 'hls_dir_access',
    fact: 'default',
    theirs: '0744',
    ours: '0755',
    why: 'without the right to enter a directory no other server can hand out what is in it',
  },
  {
    name: 'max_message',
    fact: 'default',
    theirs: '1m',
    ours: '16m',
    why: 'key frames of large pictures are longer than a megabyte',
  },
  {
    name: 'hls_dir_access',
    fact: 'default',
    theirs: '0744',
    ours: '0755',
    why: 'a web server of another user may read what is in the directory',
  },
  {
    name: 'hls_datetime',
    fact: 'default',
    theirs: 'none',
    ours: 'system',
    why: 'players can tell how far behind they are',
  },
  ...['gop_cache', 'gop_max_frame_count', 'gop_max_video_count', 'gop_max_audio_count'].map(
    (name): Difference => ({
      name,
      contexts: ['rtmp', 'rtmp_server'],
      fact: 'contexts',
      theirs: 'application',
      ours: 'rtmp, server, application',
      why: 'one line may set it for every application',
    }),
  ),
];

/** Directives that nginx and its modules do not have. */
export const ownDirectives: readonly string[] = [
  'auto_reload',
  'flv_live_application',
  'flv_live_wait',
  'gop_max_size',
  'out_merge',
  'out_queue_size',
  'player',
  'publish_conflict',
  'publish_gap',
];

/** What behaves differently on purpose, beyond single facts. */
export const behaviours: readonly { readonly topic: string; readonly ours: string; readonly why: string }[] =
  [
    {
      topic: 'A stream that nobody publishes, over HTTP-FLV',
      ours: 'is answered with 404 and a reason at once',
      why: 'players can tell it from one that is slow to start',
    },
    {
      topic: 'A second publisher of a name',
      ours: 'is refused with NetStream.Publish.BadName before anything of it reaches recorders or segments',
      why: 'the first one must not suffer from it',
    },
    {
      topic: 'A second application of one name in a server',
      ours: 'is left out with a warning, as nginx-rtmp does silently and nginx-http-flv refuses to',
      why: 'files of both keep working',
    },
    {
      topic: 'A directive that is not supported',
      ours: 'is accepted where it is switched off',
      why: 'nothing is missing then',
    },
    {
      topic: 'A byte order mark at the start of a file',
      ours: 'is passed over',
      why: 'editors put it there unseen',
    },
  ];
