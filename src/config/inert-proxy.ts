import { inert } from './inert-group.ts';
import type { Inert } from './table.ts';

/** Proxies, and the blocks of nginx that are no part of a media server. */
export const proxyInert: readonly Inert[] = [
  ...inert('ignored', 'it only matters with proxy_pass', {
    http: 'upstream{1}',
    upstream: `
      server/1+ resolver/1+ resolver_timeout ip_hash/0 least_conn/0 least_time/1-2 hash/1-2 random/0-2
      sticky/2+ keepalive/1-2 keepalive_requests keepalive_time keepalive_timeout zone/1-2
    `,
    'http server location': `
      proxy_set_header/2 proxy_http_version proxy_buffering proxy_request_buffering proxy_read_timeout
      proxy_connect_timeout proxy_send_timeout proxy_redirect/1-2 proxy_hide_header proxy_pass_header
      proxy_ignore_headers/1+ proxy_intercept_errors proxy_buffers/2 proxy_buffer_size
      proxy_busy_buffers_size proxy_max_temp_file_size proxy_temp_file_write_size proxy_temp_path/1-4
      proxy_next_upstream/1+ proxy_next_upstream_tries proxy_next_upstream_timeout proxy_bind/1-2
      proxy_socket_keepalive proxy_socket_rcvbuf proxy_socket_sndbuf proxy_ignore_client_abort proxy_method
      proxy_set_body proxy_pass_request_headers proxy_pass_request_body proxy_pass_trailers
      proxy_force_ranges proxy_limit_rate proxy_send_lowat proxy_headers_hash_max_size
      proxy_headers_hash_bucket_size proxy_cookie_domain/1-2 proxy_cookie_path/1-2 proxy_cookie_flags/1-4
      proxy_ssl_server_name proxy_ssl_name proxy_ssl_verify proxy_ssl_verify_depth
      proxy_ssl_trusted_certificate proxy_ssl_certificate proxy_ssl_certificate_key
      proxy_ssl_certificate_cache/1-3 proxy_ssl_password_file proxy_ssl_protocols/1+ proxy_ssl_ciphers
      proxy_ssl_session_reuse proxy_ssl_crl proxy_ssl_conf_command/2
    `,
  }),
  ...inert('ignored', 'it only matters with proxy_cache', {
    'http server location': `
      proxy_store_access/1-3 proxy_cache_key proxy_cache_valid/1+ proxy_cache_lock proxy_cache_lock_timeout
      proxy_cache_lock_age proxy_cache_use_stale/1+ proxy_cache_bypass/1+ proxy_no_cache/1+
      proxy_cache_min_uses proxy_cache_methods/1+ proxy_cache_revalidate proxy_cache_background_update
      proxy_cache_convert_head proxy_cache_max_range_offset
    `,
    http: 'proxy_cache_path/2+',
  }),
  ...inert('ignored', 'it only matters with fastcgi_pass', {
    'http server location': `
      fastcgi_param/2-3 fastcgi_index fastcgi_split_path_info fastcgi_buffers/2 fastcgi_buffer_size
      fastcgi_read_timeout fastcgi_intercept_errors
    `,
  }),
  ...inert('ignored', 'it only matters in stream', {
    stream: 'server{0} upstream{1} log_format/2+ map{2}',
    stream_server: 'listen/1+ server_name/1+ proxy_pass',
    'stream stream_server': `
      tcp_nodelay preread_timeout preread_buffer_size resolver/1+ resolver_timeout proxy_protocol
      proxy_timeout proxy_connect_timeout proxy_buffer_size proxy_ssl proxy_ssl_server_name proxy_ssl_name
      proxy_ssl_verify ssl_certificate ssl_certificate_key ssl_protocols/1+ ssl_ciphers
      ssl_session_cache/1-2 ssl_session_timeout ssl_handshake_timeout ssl_prefer_server_ciphers ssl_preread
      allow deny access_log/1+
    `,
    stream_upstream: 'server/1+',
  }),
  ...inert('later', 'until then, let the proxy in front pass these requests', {
    'location location_if limit_except': 'proxy_pass',
  }),
  ...inert('unsupported', 'responses of other servers are not kept; put a cache in front', {
    'http server location': 'proxy_store proxy_cache',
  }),
  ...inert('unsupported', 'run the application behind a web server of its own', {
    'location location_if': 'fastcgi_pass',
  }),
  ...inert('unsupported', 'use nginx or HAProxy for plain TCP and UDP', {
    main: 'stream{0}',
  }),
  ...inert('unsupported', 'use nginx for mail', {
    main: 'mail{0}',
  }),
];
