import { inert } from './inert-group.ts';
import type { Inert } from './table.ts';

/** Everything inside `rtmp`. */
export const rtmpInert: readonly Inert[] = [
  ...inert('ignored', 'nothing needs this setting here', {
    'rtmp rtmp_server': 'connection_pool_size merge_slashes',
    'rtmp rtmp_server application': 'stream_buckets buffer hls_muxdelay',
  }),
  ...inert('ignored', 'what a slow player may lag is bounded in bytes and media time', {
    'rtmp rtmp_server application': 'send_timeout send_lowat',
  }),
  ...inert('ignored', 'packets are gathered before they are written, and sent at once then', {
    'rtmp rtmp_server application': 'tcp_nopush tcp_nodelay',
  }),
  ...inert('ignored', 'the resolver of the system is used', {
    'rtmp rtmp_server application': 'resolver/1+ resolver_timeout',
  }),
  ...inert('ignored', 'it only matters with dash', {
    'rtmp rtmp_server application': `
      dash_fragment dash_path dash_playlist_length dash_cleanup dash_nested dash_clock_compensation
      dash_clock_helper_uri
    `,
  }),
  ...inert('ignored', 'it only matters with play', {
    'rtmp rtmp_server application': 'play_temp_path play_local_path',
  }),
  ...inert('later', 'use hls', {
    'rtmp rtmp_server application': 'dash',
  }),
  ...inert('later', 'serve recorded files over HTTP: location with root', {
    'rtmp rtmp_server application': 'play/1+',
  }),
];
