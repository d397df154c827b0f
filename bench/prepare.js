import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installed } from './processes.js';

/** The project's own folder. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));
/** Everything the bench makes: programs, media, peers, configurations, results. */
export const cache = join(root, '.cache', 'bench');

/** Something a scenario needs is not on this machine; the message says what to install. */
export class Missing extends Error {}

/** @param {string} name @param {string} what */
export function need(name, what) {
  if (!installed(name)) throw new Missing(`${name} is not installed (${what})`);
}

/** @param {string} path */
function changed(path) {
  return existsSync(path) ? statSync(path).mtimeMs : 0;
}

/**
 * A program of bench/native, compiled by this machine's compiler when it is new or has changed.
 * @param {'players' | 'publisher' | 'fetch' | 'floor'} name
 */
export function program(name) {
  need('cc', 'Debian: gcc libc6-dev');
  mkdirSync(cache, { recursive: true });
  const source = join(root, 'bench', 'native');
  const made = join(cache, name);
  const newest = Math.max(
    ...[`${name}.c`, 'bytes.h', 'media.h', 'client.h'].map((file) => changed(join(source, file))),
  );
  if (changed(made) < newest) {
    execFileSync('cc', ['-O2', '-Wall', '-D_GNU_SOURCE', '-o', made, join(source, `${name}.c`)], {
      stdio: 'inherit',
    });
  }
  return made;
}

/**
 * Real media made by FFmpeg once: H.264 and AAC, a key frame every 2 s, 20 s long. `full` is 720p25 at 2.17 Mbit/s,
 * `small` is 160 x 90 at about 0.1 Mbit/s for runs where the number of streams matters.
 * @param {'full' | 'small'} size
 */
export function media(size) {
  need('ffmpeg', 'Debian: ffmpeg');
  mkdirSync(cache, { recursive: true });
  const made = join(cache, `${size}.flv`);
  if (existsSync(made)) return made;
  const [frame, video, audio] = size === 'full' ? ['1280x720', '2000k', '128k'] : ['160x90', '60k', '32k'];
  const input = `-f lavfi -i testsrc2=size=${frame}:rate=25 -f lavfi -i sine=frequency=440:sample_rate=44100 -t 20`;
  const picture = `-vf noise=alls=20:allf=t -c:v libx264 -preset veryfast -pix_fmt yuv420p -profile:v main -bf 0 -g 50`;
  const rate = `-keyint_min 50 -sc_threshold 0 -b:v ${video} -minrate ${video} -maxrate ${video} -bufsize ${video}`;
  const rest = `-c:a aac -b:a ${audio} -ac 2 -flvflags no_duration_filesize -f flv`;
  const half = `${made}.part`;
  const args = `-v error -y ${input} ${picture} ${rate} ${rest}`.split(' ');
  execFileSync('ffmpeg', [...args, half], { stdio: 'inherit' });
  renameSync(half, made);
  return made;
}

/** The start script of node-media-server 4, installed from npm into the cache when it is not there yet. */
export function nodeMediaServer() {
  const home = join(cache, 'node-media-server');
  const script = join(home, 'node_modules', 'node-media-server', 'bin', 'app.js');
  if (existsSync(script)) return script;
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, 'package.json'), '{"private":true}\n');
  try {
    execFileSync('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', 'node-media-server@4'], {
      cwd: home,
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: 120_000,
    });
  } catch (error) {
    rmSync(home, { recursive: true, force: true });
    throw new Missing(`node-media-server 4 cannot be installed from npm: ${error}`);
  }
  return script;
}

/** nginx with its RTMP module; the path of the module. */
export function nginxRtmp() {
  need('nginx', 'Debian: nginx libnginx-mod-rtmp');
  const path = '/usr/lib/nginx/modules/ngx_rtmp_module.so';
  if (!existsSync(path))
    throw new Missing('the RTMP module of nginx is not installed (Debian: libnginx-mod-rtmp)');
  return path;
}

/** A Python that has aiohttp. */
export function pythonWithAiohttp() {
  for (const python of ['python3', '/usr/bin/python3']) {
    try {
      execFileSync(python, ['-c', 'import aiohttp'], { stdio: 'ignore' });
      return python;
    } catch {
      // The next one may have it.
    }
  }
  throw new Missing('no Python with aiohttp (Debian: python3-aiohttp)');
}

/** A self-signed certificate for 127.0.0.1 and its key: paths. */
export function certificate() {
  need('openssl', 'Debian: openssl');
  mkdirSync(cache, { recursive: true });
  const cert = join(cache, 'cert.pem');
  const key = join(cache, 'key.pem');
  if (!existsSync(cert) || !existsSync(key)) {
    const args =
      '-x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=127.0.0.1'.split(' ');
    execFileSync('openssl', ['req', ...args, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  }
  return { cert, key };
}
