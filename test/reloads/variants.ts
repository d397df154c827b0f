/** Numbers below a bound, the same for one seed. */
export type Random = (below: number) => number;

/** What configurations of one run have in common: its folder, which is the prefix, and its ports of 127.0.0.1. */
export interface Ground {
  readonly folder: string;
  /** Listened on by every configuration, with applications and locations that stay; `wide` on all addresses at times. */
  readonly kept: {
    readonly rtmp: number;
    readonly http: number;
    readonly tls: number;
    readonly wide: number;
  };
  /** Come and go. */
  readonly spare: readonly number[];
  /** Somebody else has it. */
  readonly busy: number;
  /** Answers every callback with 200. */
  readonly endpoint: number;
}

export interface Variant {
  readonly text: string;
  /** Why it is to be refused; null where it holds. */
  readonly broken: string | null;
}

/** A generator of numbers (mulberry32). */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

type Lines = readonly string[];

/** For each place of a configuration what may stand there, feature by feature: one of each is taken, or nothing. */
function features(ground: Ground) {
  const { kept, spare, endpoint } = ground;
  const [one, two] = spare as [number, number];
  const url = `http://127.0.0.1:${endpoint}/hook`;
  const application: readonly Lines[] = [
    [
      'hls on; hls_path hls; hls_fragment 1s;',
      'hls on; hls_path hls; hls_fragment 2s; hls_playlist_length 20s;',
      'hls on; hls_path other-hls; hls_fragment 1s; hls_nested on;',
      'hls on; hls_path hls; hls_fragment 1s; hls_keys on; hls_cleanup off;',
    ],
    ['gop_cache off;', 'gop_cache on; gop_max_frame_count 100;', 'out_merge 20ms;'],
    ['push rtmp://127.0.0.1:1/dead;', 'push rtmp://127.0.0.1:1/dead; push rtmp://127.0.0.1:1/deader;'],
    [`push rtmp://127.0.0.1:${kept.rtmp}/sink/$name;`, 'push rtmp://no-such-host.invalid/x;'],
    ['exec_push sleep 1000;', 'exec_push sleep 1001 $name;'],
    [`on_publish ${url};`, `on_publish ${url}; on_play ${url}; on_done ${url};`],
    [`on_update ${url}; notify_update_timeout 1s;`, `on_update ${url}; notify_update_timeout 2s;`],
    ['allow publish 127.0.0.1; deny publish all;', 'deny play 10.0.0.0/8;', 'allow play all;'],
    ['max_players 1000;', 'max_live_streams 1000; max_publishers_per_address 1000;', 'max_players 2000;'],
    ['access_log sessions.log;', 'access_log sessions-2.log;'],
    ['idle_streams off;', 'wait_key on;', 'interleave on;', 'publish_gap 300ms;', 'drop_idle_publisher 60s;'],
    [
      'record all; record_path rec;',
      'record video; record_path rec; record_unique on; record_interval 3s;',
      'recorder a { record all; record_path rec; record_suffix -a.flv; }',
      'recorder a { record all manual; record_path rec; } recorder b { record keyframes; record_path rec; record_suffix -b.flv; record_max_size 64k; }',
    ],
    [`on_record_done ${url};`, 'exec_record_done true $path;', 'exec_publish true $name;'],
    ['overload_lag 60s;', 'overload_memory off;', 'out_queue_size 8m;'],
    ['sync 10ms;', 'send_timeout 30s;', 'max_publish_bitrate 100m;'],
  ];
  const rtmpServer: readonly Lines[] = [
    [`listen 127.0.0.1:${one};`, `listen 127.0.0.1:${one}; listen 127.0.0.1:${two};`],
    ['server_name live.example.com;', 'server_name live.example.com other.example.com;'],
    ['ping 20s;', 'timeout 30s;', 'chunk_size 8192;', 'ack_window 100000;', 'max_connections 4000;'],
    [`on_connect ${url};`, `on_disconnect ${url};`],
    ['application more { live on; }', 'application more { live on; hls on; hls_path more; }'],
    [
      'application even-more { live on; pull rtmp://127.0.0.1:1/dead name=x static; }',
      'application even-more { live on; exec_static sleep 1000; }',
      'application even-more { live on; exec_pull sleep 1000; }',
    ],
    [
      'application signed { live on; sign publish play; sign_key 0123456789abcdef0123456789abcdef; }',
      'application signed { live on; sign play; sign_key 0123456789abcdef0123456789abcdef; sign_enforce_expiry on; }',
    ],
  ];
  const location: readonly Lines[] = [
    ['location /hls { alias hls; }', 'location /hls { alias hls; add_header Cache-Control no-cache; }'],
    ['location /stat { rtmp_stat all; }', 'location /stat { rtmp_stat all; allow 127.0.0.1; deny all; }'],
    ['location /control { rtmp_control all; allow 127.0.0.1; deny all; }'],
    ['location /metrics { metrics on; }', 'location ~ ^/met(rics)$ { metrics on; }'],
    [
      'location /other-api { api on; }',
      'location /other-api { api on; api_control on; allow 127.0.0.1; deny all; }',
    ],
    ['location /files { alias rec; sign_files sink; }', 'location /files { alias rec; autoindex on; }'],
    ['location /player { player on; }', 'location = /old { return 301 /new; }'],
    ['add_header X-Test 1 always;', 'add_header X-Test 2 always;', 'keepalive_timeout 5s;'],
    ['access_log access.log;', 'access_log access-2.log combined;'],
    ['error_page 404 /gone;', 'server_tokens off;', 'merge_slashes off;'],
  ];
  const http: readonly Lines[] = [
    ['map $uri $kind { default a; }', 'map $uri $kind { default b; /x c; }'],
    [
      `server { listen 127.0.0.1:${spare[2]}; location / { return 200 ok; } }`,
      `server { listen 127.0.0.1:${spare[2]} ssl; ssl_certificate one.pem; ssl_certificate_key one.key; }`,
      `server { listen 127.0.0.1:${spare[3]}; server_name a.example; root hls; }`,
    ],
  ];
  const main: readonly Lines[] = [
    ['env TZ=UTC;', 'env A=1; env B=2;'],
    ['error_log extra.log info;', 'error_log extra.log debug; error_log more.log warn;'],
    ['worker_shutdown_timeout 1s;', 'worker_rlimit_nofile 1000;'],
  ];
  const rtmp: readonly Lines[] = [
    [`server { listen 127.0.0.1:${spare[4]}; application live { live on; } }`],
    ['gop_max_size 10m;', 'out_queue 512;', 'publish_conflict reject;'],
  ];
  return { application, rtmpServer, location, http, main, rtmp };
}

/** What breaks a configuration, each for another step of a reload: reading, checking, preparing. */
function faults({ busy }: Ground): readonly (readonly [why: string, break_: (text: string) => string])[] {
  const inServer = (line: string) => (text: string) => text.replace('# rtmp server', line);
  const inHttp = (line: string) => (text: string) => text.replace('# http', line);
  return [
    ['an unknown directive', inServer('publsh on;')],
    ['a wrong value', inServer('ping soon;')],
    ['a missing brace', (text) => text.slice(0, text.lastIndexOf('}'))],
    ['an include that is not there', (text) => `include nothing.conf;\n${text}`],
    ['a pattern that is none', inHttp('server { listen 127.0.0.1:1; location ~ ( { } }')],
    ['a busy port', inServer(`listen 127.0.0.1:${busy};`)],
    ['a busy port of http', inHttp(`server { listen 127.0.0.1:${busy}; }`)],
    [
      'a certificate that is not there',
      inHttp('server { listen 127.0.0.1:1 ssl; ssl_certificate none.pem; ssl_certificate_key none.pem; }'),
    ],
    ['a log where no folder is', inHttp('server { listen 127.0.0.1:1; access_log no/such/folder/log; }')],
    ['an error log that is a folder', (text) => `error_log hls;\n${text}`],
    ['an empty file', () => '# nothing\n'],
  ];
}

function some(random: Random, from: readonly Lines[]): string {
  return from
    .flatMap((choices) => {
      const index = random(choices.length * 2);
      return choices[index] ?? [];
    })
    .join('\n      ');
}

/** The next configuration of a run; one of four or so is broken. */
export function nextVariant(random: Random, ground: Ground): Variant {
  const { application, rtmpServer, location, http, main, rtmp } = features(ground);
  const { kept } = ground;
  const text = `
auto_reload off;
error_log error.log info;
${some(random, main)}
rtmp {
  ${some(random, rtmp)}
  server {
    listen 127.0.0.1:${kept.rtmp};
    # rtmp server
    ${some(random, rtmpServer)}
    application live {
      live on;
      ${some(random, application)}
    }
    application sink { live on; }
  }
}
http {
  # http
  ${some(random, http)}
  server {
    listen 127.0.0.1:${kept.http};
    access_log off;
    location /live { flv_live on; }
    location /ok { access_log off; return 200 ok; }
    location /api { access_log off; api on; }
    ${some(random, location)}
  }
  server {
    listen ${['', '127.0.0.1:', '127.0.0.1:'][random(3)]}${kept.wide};
    location /ok { access_log off; return 200 ok; }
  }
  server {
    listen 127.0.0.1:${kept.tls} ssl;
    access_log off;
    ssl_certificate ${random(2) === 0 ? 'one' : 'two'}.pem;
    ssl_certificate_key ${'KEY'}.key;
    location /ok { return 200 ok; }
  }
}
`;
  const certificate = /listen 127\.0\.0\.1:\d+ ssl;\n[^}]*ssl_certificate (one|two)\.pem/.exec(
    text.slice(text.indexOf(`:${kept.tls} ssl`) - 20),
  )![1]!;
  const whole = text.replace('KEY.key', `${certificate}.key`);
  if (random(4) > 0) return { text: whole, broken: null };
  const all = faults(ground);
  const [why, breakIt] = all[random(all.length)]!;
  return { text: breakIt(whole), broken: why };
}
