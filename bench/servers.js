import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  cache,
  certificate,
  nginxRtmp,
  nodeMediaServer,
  program,
  pythonWithAiohttp,
  root,
} from './prepare.js';
import { freePort, listening, start } from './processes.js';

/**
 * What a scenario asks of a server.
 * @typedef {object} Wish
 * @property {string} [merge] mediad's out_merge; the floor's window, ms
 * @property {boolean} [hls] writes HLS to disk, 2 s per segment, 60 s in the playlist
 * @property {boolean} [tls] HTTP-FLV over TLS
 * @property {number} [workers] processes that serve (mediad)
 * @property {boolean} [watch] has the event loop watched from inside (mediad)
 * @property {string} [rtmpBlock] applications in place of `live` (mediad)
 * @property {number} [workers] processes that serve (mediad)
 * @property {string} [rtmpMore] applications besides (mediad)
 * @property {string} [httpMore] locations besides (mediad)
 */

/**
 * A server that runs. `publish`, `flv` and `rtmp` are the addresses as arguments of the load tools; `s%d` is the stream.
 * @typedef {object} Running
 * @property {string} name
 * @property {import('./processes.js').Process} process
 * @property {string} folder
 * @property {string[]} publish
 * @property {string[]} [flv]
 * @property {string[]} [rtmp]
 * @property {number} rtmpPort
 * @property {number} httpPort
 * @property {string} [hls] where its playlists are
 */

/** @typedef {{ name: string, start: (wish?: Wish) => Promise<Running> }} Server */

let started = 0;
process.on('exit', () => rmSync(join(cache, 'run', `${process.pid}`), { recursive: true, force: true }));

/** @param {string} name */
function newFolder(name) {
  const folder = join(cache, 'run', `${process.pid}`, `${started++}-${name}`);
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** @param {number} port @param {string} [name] */
const overRtmp = (port, name = 's%d') => [
  '--proto',
  'rtmp',
  '--port',
  `${port}`,
  '--app',
  'live',
  '--name',
  name,
];
/** @param {number} port @param {string} path */
const overHttp = (port, path) => ['--proto', 'flv', '--port', `${port}`, '--name', path];

/**
 * mediad's configuration file for a wish.
 * @param {{ rtmp: number, http: number, folder: string }} at
 * @param {Wish} wish
 */
export function mediadConf(at, wish) {
  const hls = wish.hls ? `hls on; hls_path ${at.folder}/hls; hls_fragment 2s; hls_playlist_length 60s;` : '';
  const pair = wish.tls ? certificate() : undefined;
  const tls = pair ? ` ssl; ssl_certificate ${pair.cert}; ssl_certificate_key ${pair.key}` : '';
  const merge = wish.merge ? `out_merge ${wish.merge === 'auto' ? 'auto' : `${wish.merge}ms`};` : '';
  return `worker_processes ${wish.workers ?? 1};
rtmp_socket_dir ${at.folder};
pid ${at.folder}/mediad.pid;
error_log stderr warn;
events { worker_connections 16384; }
rtmp {
  server {
    listen 127.0.0.1:${at.rtmp};
    ${wish.rtmpBlock ?? `application live { live on; ${merge} ${hls} }`}
    ${wish.rtmpMore ?? ''}
  }
}
http {
  access_log off;
  keepalive_requests 1000000000;
  server {
    listen 127.0.0.1:${at.http}${tls};
    location /live { flv_live on; chunked_transfer_encoding on; }
    location /hls { root ${at.folder}; }
    ${wish.httpMore ?? ''}
  }
}
`;
}

/** @type {Server} */
export const mediad = {
  name: 'mediad',
  async start(wish = {}) {
    const folder = newFolder('mediad');
    const [rtmp, http] = [await freePort(), await freePort()];
    const conf = join(folder, 'media.conf');
    writeFileSync(conf, mediadConf({ rtmp, http, folder }, wish));
    const watch = wish.watch ? ['--import', join(root, 'bench', 'loop-watch.js')] : [];
    const server = start(process.execPath, [...watch, join(root, 'bin', 'mediad.js'), '-c', conf], {
      cwd: folder,
      ipc: wish.watch ?? false,
      role: 'server',
    });
    await listening(server, [rtmp, http]);
    return {
      name: 'mediad',
      process: server,
      folder,
      publish: overRtmp(rtmp),
      rtmp: overRtmp(rtmp),
      flv: overHttp(http, `/live?port=${rtmp}&app=live&stream=s%d`),
      rtmpPort: rtmp,
      httpPort: http,
      hls: `http://127.0.0.1:${http}/hls`,
    };
  },
};

/** @type {Server} */
export const nginx = {
  name: 'nginx-rtmp',
  async start(wish = {}) {
    const module = nginxRtmp();
    const folder = newFolder('nginx');
    const [rtmp, http] = [await freePort(), await freePort()];
    const hls = wish.hls ? `hls on; hls_path ${folder}/hls; hls_fragment 2s; hls_playlist_length 60s;` : '';
    const user = process.getuid?.() === 0 ? 'user root;' : '';
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (one) => `${one}_temp_path ${one};`,
    );
    writeFileSync(
      join(folder, 'nginx.conf'),
      `load_module ${module};
${user} daemon off; worker_processes 1; worker_rlimit_nofile 16384; pid nginx.pid; error_log error.log error;
events { worker_connections 16384; }
rtmp { access_log off; server { listen 127.0.0.1:${rtmp}; chunk_size 4096; application live { live on; ${hls} } } }
http {
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; ${temporary.join(' ')}
  server { listen 127.0.0.1:${http}; location /hls { root ${folder}; } }
}
`,
    );
    const server = start('nginx', ['-p', folder, '-c', 'nginx.conf', '-e', join(folder, 'error.log')], {
      role: 'server',
    });
    await listening(server, [rtmp, http]);
    return {
      name: 'nginx-rtmp',
      process: server,
      folder,
      publish: overRtmp(rtmp),
      rtmp: overRtmp(rtmp),
      rtmpPort: rtmp,
      httpPort: http,
      hls: `http://127.0.0.1:${http}/hls`,
    };
  },
};

/** @type {Server} */
export const nms = {
  name: 'node-media-server 4',
  async start(wish = {}) {
    const script = nodeMediaServer();
    const folder = newFolder('nms');
    const [rtmp, http, https] = [await freePort(), await freePort(), await freePort()];
    const conf = {
      bind: '127.0.0.1',
      notify: { url: '' },
      store: { path: './data', maxHistory: 10 },
      auth: { play: false, publish: false, secret: 'unused' },
      rtmp: { port: rtmp },
      http: { port: http },
      ...(wish.tls ? { https: { port: https, ...certificate() } } : {}),
      webadmin: { enable: false },
      record: { auto: false },
    };
    writeFileSync(join(folder, 'config.json'), JSON.stringify(conf));
    const server = start(process.execPath, [script, '-c', join(folder, 'config.json')], {
      cwd: folder,
      role: 'server',
    });
    await listening(server, wish.tls ? [rtmp, http, https] : [rtmp, http]);
    return {
      name: 'node-media-server 4',
      process: server,
      folder,
      publish: overRtmp(rtmp),
      rtmp: overRtmp(rtmp),
      flv: overHttp(wish.tls ? https : http, '/live/s%d.flv'),
      rtmpPort: rtmp,
      httpPort: wish.tls ? https : http,
    };
  },
};

/** The least any server must do, in C; one stream, whatever the player asks for. @type {Server} */
export const floor = {
  name: 'C floor',
  async start(wish = {}) {
    const [push, play] = [await freePort(), await freePort()];
    const window = wish.merge && wish.merge !== 'auto' ? wish.merge : '50';
    const server = start(program('floor'), ['--push', `${push}`, '--play', `${play}`, '--window', window], {
      role: 'server',
    });
    await listening(server, [play]);
    return {
      name: 'C floor',
      process: server,
      folder: cache,
      publish: ['--proto', 'tcp', '--port', `${push}`],
      flv: overHttp(play, '/'),
      rtmpPort: push,
      httpPort: play,
    };
  },
};

/** @type {Server} */
export const aiohttp = {
  name: 'Python aiohttp',
  async start() {
    const [push, play] = [await freePort(), await freePort()];
    const script = join(root, 'bench', 'peers', 'aiohttp_flv.py');
    const server = start(pythonWithAiohttp(), [script, `${push}`, `${play}`], { role: 'server' });
    await listening(server, [play]);
    return {
      name: 'Python aiohttp',
      process: server,
      folder: cache,
      publish: ['--proto', 'tcp', '--port', `${push}`],
      flv: overHttp(play, '/%d'),
      rtmpPort: push,
      httpPort: play,
    };
  },
};
