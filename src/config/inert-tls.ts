import { inert } from './inert-group.ts';
import type { Inert } from './table.ts';

/** TLS and the newer versions of HTTP. */
export const tlsInert: readonly Inert[] = [
  ...inert('ignored', 'it only matters with TLS', {
    'http server': `
      ssl_certificate_cache/1-3 ssl_buffer_size ssl_trusted_certificate ssl_crl
      ssl_stapling ssl_stapling_verify ssl_stapling_file ssl_stapling_responder ssl_ocsp ssl_ocsp_cache
      ssl_ocsp_responder ssl_early_data ssl_conf_command/2 ssl_certificate_compression ssl_ech_file
    `,
  }),
  ...inert('ignored', 'clients are served HTTP/1.1, which every one of them speaks', {
    'http server': `
      http2_max_concurrent_streams http2_body_preread_size http2_pool_size http2_streams_index_size
      http2_max_concurrent_pushes http2_max_requests http2_max_field_size http2_max_header_size
      http2_recv_timeout http2_idle_timeout http3 http3_hq http3_max_concurrent_streams
      http3_stream_buffer_size quic_retry quic_gso quic_host_key quic_active_connection_id_limit
    `,
    http: 'http2_recv_buffer_size',
    'http server location': 'http2_chunk_size http2_push_preload http2_push',
  }),
  ...inert('later', 'until then, end TLS in a proxy in front', {
    'http server': 'ssl_reject_handshake',
  }),
];
