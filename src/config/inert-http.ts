import { inert } from './inert-group.ts';
import type { Inert } from './table.ts';

/** The core of `http`, and compression. */
export const httpInert: readonly Inert[] = [
  ...inert('ignored', 'tables grow as they need', {
    'http server location': 'types_hash_max_size types_hash_bucket_size',
    http: `
      server_names_hash_max_size server_names_hash_bucket_size variables_hash_max_size
      variables_hash_bucket_size
    `,
  }),
  ...inert('ignored', 'responses follow the usual rules without it', {
    'http server location': 'auth_delay msie_padding msie_refresh log_subrequest early_hints/1+',
  }),
  ...inert('ignored', 'requests are read with limits of their own', {
    'http server location': `
      client_body_buffer_size client_body_timeout client_body_temp_path/1-4 client_body_in_file_only
      client_body_in_single_buffer
    `,
    'http server': `
      client_body_early_read/1+ ignore_invalid_headers underscores_in_headers connection_pool_size
      request_pool_size
    `,
  }),
  ...inert('ignored', 'the runtime chooses how it reads and sends files', {
    'http server location location_if': 'sendfile',
    'http server location': `
      sendfile_max_chunk aio aio_write directio directio_alignment read_ahead output_buffers/2
      postpone_output subrequest_output_buffer_size
    `,
  }),
  ...inert(
    'ignored',
    'small files are held in memory, and each use asks the disk whether they are still the same',
    {
      'http server location': `
      open_file_cache/1-2 open_file_cache_valid open_file_cache_min_uses open_file_cache_errors
      open_file_cache_events
    `,
    },
  ),
  ...inert('ignored', 'connections are kept and closed by rules of their own', {
    'http server location': `
      tcp_nopush tcp_nodelay send_lowat reset_timedout_connection lingering_close lingering_time
      lingering_timeout keepalive_time keepalive_min_timeout keepalive_disable/1-2
    `,
  }),
  ...inert('ignored', 'the resolver of the system is used', {
    'http server location': 'resolver/1+ resolver_timeout',
  }),
  ...inert('ignored', 'responses are compressed as they leave, whole and for whoever takes it', {
    'http server location': `
      gzip_disable/1+ gzip_buffers/2 gzip_window gzip_hash gzip_no_buffer postpone_gzipping gzip_static
      gunzip gunzip_buffers/2
    `,
  }),
  ...inert('unsupported', 'nothing is done after a response', {
    'http server location location_if': 'post_action',
  }),
  ...inert('unsupported', 'symbolic links are followed; keep links that lead out of the root away', {
    'http server location': 'disable_symlinks/1-2',
  }),
];
