#!/usr/bin/env node
// The server together with a publisher: a moving picture with a burnt-in wall clock and a tone. Ends with Ctrl-C.
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const READY_MS = 15_000;
const AGAIN_MS = 1000;

const conf = resolve(process.argv[2] ?? join(ROOT, 'conf/media.conf'));
const children = new Set();
let ending = false;

if (spawnSync('ffmpeg', ['-version'], { stdio: 'ignore' }).error !== undefined) {
  stop(
    'The demo publishes with ffmpeg, which is not installed.\n    Debian, Ubuntu: sudo apt-get install ffmpeg',
  );
}
const { rtmp, http } = portsOf(conf);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, end);

const server = start(process.execPath, [join(ROOT, 'bin/mediad.js'), '-c', conf], 'inherit');
server.on('exit', (code) => {
  process.exitCode ??= ending ? 0 : (code ?? 1);
  end();
});
await open(rtmp);
publish();
if (!ending)
  process.stderr.write(`\n  watch  http://localhost:${http}/#live/test      Ctrl-C ends the demo\n\n`);

function publish() {
  if (ending) return;
  const url = `rtmp://127.0.0.1:${rtmp}/live/test`;
  const picture = ['testsrc2=size=1280x720:rate=25', ...(canDrawText() ? [clock()] : [])].join(',');
  const publisher = start(
    'ffmpeg',
    [
      ...['-nostdin', '-hide_banner', '-loglevel', 'error'],
      ...[
        '-re',
        '-f',
        'lavfi',
        '-i',
        picture,
        '-re',
        '-f',
        'lavfi',
        '-i',
        'sine=frequency=440:sample_rate=44100',
      ],
      ...['-c:v', 'libx264', '-preset', 'veryfast', '-tune', 'zerolatency', '-pix_fmt', 'yuv420p'],
      ...['-b:v', '2000k', '-g', '50', '-sc_threshold', '0', '-c:a', 'aac', '-b:a', '96k', '-ac', '2'],
      ...['-f', 'flv', url],
    ],
    'pipe',
  );
  // What it says about being cut off at the end is no news.
  publisher.stderr.on('data', (text) => ending || process.stderr.write(text));
  publisher.on('exit', () => {
    if (!ending) setTimeout(publish, AGAIN_MS);
  });
}

/** The time of day with milliseconds, in large figures. */
function clock() {
  const text = String.raw`%{localtime\:%T}.%{eif\:1000*mod(time(0)\,1)\:d\:3}`;
  return `drawtext=fontsize=96:fontcolor=white:box=1:boxcolor=black@0.7:boxborderw=16:x=(w-tw)/2:y=h-200:text='${text}'`;
}

/** Without any font, or without the filter, the test picture's own counter has to do. */
function canDrawText() {
  const { status } = spawnSync(
    'ffmpeg',
    ['-nostdin', '-v', 'quiet', '-f', 'lavfi', '-i', `color,${clock()}`, '-frames:v', '1', '-f', 'null', '-'],
    { stdio: 'ignore' },
  );
  return status === 0;
}

/** The first port of the rtmp block and of the http block. */
function portsOf(file) {
  let text = '';
  try {
    text = readFileSync(file, 'utf8').replace(/#.*/g, '');
  } catch (error) {
    stop(`The demo cannot read its configuration: ${error.message}`);
  }
  const portAfter = (block, usual) => {
    const from = text.slice(Math.max(0, text.search(block)));
    return Number(/\blisten\s+(?:[^\s;]*:)?([0-9]+)/.exec(from)?.[1] ?? usual);
  };
  return { rtmp: portAfter(/\brtmp\s*\{/, 1935), http: portAfter(/\bhttp\s*\{/, 8080) };
}

/** Resolves when the port takes connections, or the server has ended. */
async function open(port) {
  const until = Date.now() + READY_MS;
  while (!ending && !(await isOpen(port))) {
    if (Date.now() > until) {
      process.stderr.write(`mediad does not listen on port ${port}\n`);
      process.exitCode = 1;
      end();
    }
    await new Promise((wake) => setTimeout(wake, 50));
  }
}

function isOpen(port) {
  return new Promise((answer) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => {
      socket.destroy();
      answer(true);
    });
    socket.once('error', () => answer(false));
  });
}

function start(command, args, stdio) {
  const child = spawn(command, args, { stdio: ['ignore', stdio, stdio] });
  children.add(child);
  child.on('exit', () => children.delete(child));
  return child;
}

function end() {
  ending = true;
  for (const child of children) child.kill('SIGTERM');
}

function stop(text) {
  process.stderr.write(`${text}\n`);
  process.exit(1);
}
