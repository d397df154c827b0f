#!/usr/bin/env node
// Starts the built server, has it serve for a moment, and keeps what V8 has compiled for that. Part of the build.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { CODE_CACHE, loadProgram } from '../program.js';
import { warmUp } from './warm-up.js';

const PATIENCE_MS = 10_000;

const folder = mkdtempSync(join(tmpdir(), 'mediad-build-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const port = await freePort();
const file = join(folder, 'media.conf');
writeFileSync(
  file,
  `pid ${folder}/pid; error_log ${folder}/log;
rtmp { server { listen 127.0.0.1:${port}; application live { live on; hls on; hls_path ${folder}/hls; hls_fragment 400ms; } } }
http { server { listen unix:${folder}/http; access_log off;
  location /live { flv_live on; }
  location /hls/ { alias ${folder}/hls/; add_header Cache-Control no-cache; }
  location / { player on; }
} }
`,
);

const { script, main } = loadProgram(false);
// What ran once counts as much as what ran last.
setFlagsFromString('--no-flush-bytecode');
void main([process.execPath, 'mediad', '-c', file]);
const until = performance.now() + PATIENCE_MS;
while (!(await accepts(join(folder, 'http')))) {
  if (performance.now() > until) throw new Error('the built server does not start');
  await new Promise((resolve) => setTimeout(resolve, 10));
}
await warmUp(port, join(folder, 'http'));
// Code is only taken where all flags of V8 are as they were, and the server changes the last two when it has started.
setFlagsFromString('--flush-bytecode');
setFlagsFromString('--semi-space-growth-factor=2');
setFlagsFromString('--parallel-scavenge');
writeFileSync(CODE_CACHE, script.createCachedData());
process.kill(process.pid, 'SIGTERM');

/** @param {string} path */
function accepts(path) {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = /** @type {import('node:net').AddressInfo} */ (server.address());
      server.close(() => resolve(address.port));
    });
  });
}
