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
    name: 'worker_shutdown_timeout',
    fact: 'default',
    theirs: 'none',
    ours: '5s',
    why: 'publishers do not end by themselves, so a graceful stop would never be over; a worker that retires waits without end unless a time is written',
  },
  {
    name: 'client_header_timeout',
    fact: 'default',
    theirs: '60s',
    ours: '10s',
    why: 'a header is sent in one go; who takes longer holds a connection without asking for anything',
  },
  {
    name: 'error_log',
    fact: 'default',
    theirs: 'logs/error.log error',
    ours: 'stderr info, or logs/error.log info with daemon on',
    why: 'systemd, containers and terminals collect stderr',
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
    name: 'exec_kill_signal',
    fact: 'default',
    theirs: 'kill',
    ours: 'term',
    why: 'programs can finish what they write; what does not end is killed after exec_kill_timeout',
  },
  {
    name: 'hls_dir_access',
    fact: 'default',
    theirs: '0744',
    ours: '0755',
    why: 'without the right to enter a directory no other server can hand out what is in it',
  },
  {
    name: 'notify_no_resolve',
    fact: 'default',
    theirs: 'on',
    ours: 'off',
    why: 'names are resolved without anyone waiting for it',
  },
  {
    name: 'set_real_ip_from',
    contexts: ['rtmp', 'rtmp_server'],
    fact: 'contexts',
    theirs: 'http, server, location',
    ours: 'rtmp and its server, too',
    why: 'a PROXY header on RTMP addresses has to be as trustworthy as one on HTTP addresses',
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
  'api',
  'api_control',
  'auto_reload',
  'exec_kill_timeout',
  'flv_live_application',
  'flv_live_wait',
  'handshake_timeout',
  'max_amf_depth',
  'max_amf_values',
  'max_handshakes',
  'overload_lag',
  'overload_memory',
  'gop_max_size',
  'netcall_connect_timeout',
  'netcall_ssl_trusted_certificate',
  'netcall_ssl_verify',
  'notify_format',
  'max_live_streams',
  'max_players',
  'max_players_per_address',
  'max_connections_per_address',
  'max_publish_bitrate',
  'max_publishers_per_address',
  'out_merge',
  'out_queue_size',
  'player',
  'publish_conflict',
  'publish_gap',
  'push_arg',
  'relay_ssl_trusted_certificate',
  'relay_ssl_verify',
  'sign',
  'sign_args',
  'sign_bind_address',
  'sign_enforce_expiry',
  'sign_files',
  'sign_key',
  'metrics',
  'metrics_streams',
  'rtmp_stat_root',
];
