import { inert } from './inert-group.ts';
import type { Inert } from './table.ts';

/** The modules of `http` besides proxies and TLS. */
export const httpModulesInert: readonly Inert[] = [
  ...inert('ignored', 'it only matters with autoindex', {
    'http server location': 'autoindex_localtime',
  }),
  ...inert('ignored', 'it only matters with auth_request', {
    'http server location': 'auth_request_set/2',
  }),
  ...inert('ignored', 'it only matters with charset', {
    'http server location location_if': 'source_charset override_charset',
    'http server location': 'charset_types/1+',
  }),
  ...inert('ignored', 'it concerns the error log only', {
    'http server location server_if location_if': 'rewrite_log uninitialized_variable_warn',
  }),
  ...inert('ignored', 'tables grow as they need', {
    http: 'map_hash_max_size map_hash_bucket_size',
    'server location': 'referer_hash_max_size referer_hash_bucket_size',
  }),
  ...inert('ignored', 'log files stay open', {
    'http server location': 'open_log_file_cache/1-4',
  }),
  ...inert('ignored', 'it only matters with limit_conn', {
    http: 'limit_conn_zone/2',
    'http server location': 'limit_conn_status limit_conn_log_level limit_conn_dry_run',
  }),
  ...inert('ignored', 'it only matters with limit_req', {
    http: 'limit_req_zone/3',
    'http server location': 'limit_req_status limit_req_log_level limit_req_dry_run',
  }),
  ...inert('ignored', 'it only matters with mp4', {
    'http server location': 'mp4_buffer_size mp4_max_buffer_size mp4_start_key_frame',
  }),
  ...inert('ignored', 'it only matters with a proxy cache', {
    'http server location': 'slice',
  }),
  ...inert('ignored', 'it only matters with sub_filter', {
    'http server location': 'sub_filter_types/1+ sub_filter_once sub_filter_last_modified',
  }),
  ...inert('ignored', 'it only matters with add_before_body', {
    'http server location': 'addition_types/1+',
  }),
  ...inert('ignored', 'it only matters with mirror', {
    'http server location': 'mirror_request_body',
  }),
  ...inert('ignored', 'it only matters with dav_methods', {
    'http server location': 'create_full_put_path min_delete_depth dav_access/1-3',
  }),
  ...inert('ignored', 'it only matters with userid', {
    'http server location': `
      userid_service userid_name userid_domain userid_path userid_expires userid_flags/1-3 userid_p3p
      userid_mark
    `,
  }),
  ...inert('ignored', 'it only matters with ssi', {
    'http server location':
      'ssi_silent_errors ssi_types/1+ ssi_min_file_chunk ssi_value_length ssi_last_modified',
  }),
  ...inert('later', '', {
    'server location': 'valid_referers/1+',
    'http server location location_if': 'add_trailer/2-3 add_header_inherit add_trailer_inherit',
    http: 'geo{1-2} split_clients{2}',
  }),
  ...inert('later', 'put the picture under the root', {
    location: 'empty_gif/0',
  }),
  ...inert('later', 'until then, put a proxy that asks in front', {
    'http server location': 'auth_request',
  }),
  ...inert('later', 'until then, limit connections with a firewall', {
    'http server location': 'limit_conn/2',
  }),
  ...inert('later', 'until then, limit requests with a proxy in front', {
    'http server location': 'limit_req/1-3',
  }),
  ...inert('later', 'files are sent whole or by ranges, which players use to seek', {
    location: 'mp4/0 flv/0',
  }),
  ...inert('unsupported', 'use index', {
    location: 'random_index',
  }),
  ...inert('unsupported', 'texts are not recoded; keep them in the charset that clients get', {
    http: 'charset_map{2}',
  }),
  ...inert('unsupported', 'change the file itself', {
    'http server location': 'sub_filter/2 add_before_body add_after_body',
  }),
  ...inert('unsupported', 'requests are served once', {
    'http server location': 'mirror',
  }),
  ...inert('unsupported', 'files are not uploaded over HTTP; publish over RTMP', {
    'http server location': 'dav_methods/1+',
  }),
  ...inert('unsupported', 'clients get no cookies', {
    'http server location': 'userid',
  }),
  ...inert('unsupported', 'put the page together before it is served', {
    'http server location location_if': 'ssi',
  }),
];
