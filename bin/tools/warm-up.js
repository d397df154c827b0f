// Traffic of every usual kind for a server in this process, so that V8 has compiled what it takes.
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { RtmpClient } from '../../dist/rtmp/client.js';
import { publishFormat } from '../../dist/wire/rtmp/format.js';

const PATIENCE_MS = 10_000;
const FRAME_MS = 40;
/** Frames from one key frame to the next. */
const GROUP = 12;
const AUDIO = 8;
const VIDEO = 9;
const DATA = 18;

/** Of a picture of 320 by 240, and of stereo at 44.1 kHz. */
const AVC_RECORD = '0142c00dffe100166742c00dd90141fb011000003e90000ea600f142a48001000568cb83cb20';
const AAC_RECORD = '1210';
/** `onMetaData` with one field, `width`. */
const METADATA = '02000a6f6e4d65746144617461080000000100057769647468004074000000000000000009';

/**
 * Publishes a second of media to `live/warm`, and plays it by RTMP, HTTP-FLV and HLS meanwhile.
 * @param {number} port of RTMP, here
 * @param {string} http path of the unix socket of HTTP
 */
export async function warmUp(port, http) {
  const publisher = await talk(port, { kind: 'publish', name: 'warm' });
  const muxer = publishFormat(4096, publisher.streamId).muxer();
  const send = (packets) => publisher.sink.write(muxer.encode(packets, 0, 0));
  send(headers());
  const playing = [];
  for (let frame = 0; frame < 4 * GROUP; frame++) {
    send(picture(frame));
    // Half of the frames come several to a read, as they do from a network.
    if (frame % 4 < 2) await pause(5);
    if (frame === GROUP) {
      playing.push(talk(port, { kind: 'play', name: 'warm', start: -2000, duration: -1, buffer: 1000 }));
      playing.push(get(http, `/live?port=${port}&app=live&stream=warm`, /\x17\x01/));
    }
  }
  const [player, flv] = await Promise.all(playing);
  const segment = await newestSegment(http);
  for (const uri of [`/hls/${segment}`, '/', '/none']) (await get(http, uri, /HTTP/)).socket.destroy();
  flv.socket.destroy();
  player.close('');
  publisher.close('');
}

function headers() {
  return [
    { kind: DATA, time: 0, key: false, config: false, body: Buffer.from(METADATA, 'hex') },
    { kind: VIDEO, time: 0, key: false, config: true, body: Buffer.from(`1700000000${AVC_RECORD}`, 'hex') },
    { kind: AUDIO, time: 0, key: false, config: true, body: Buffer.from(`af00${AAC_RECORD}`, 'hex') },
  ];
}

/** One picture, larger where it is a key frame, and the sound of its time. */
function picture(frame) {
  const key = frame % GROUP === 0;
  const size = key ? 20_000 : 3000;
  const body = Buffer.alloc(9 + size, 0x80);
  body.set([key ? 0x17 : 0x27, 1, 0, 0, 0]);
  body.writeUInt32BE(size, 5);
  body[9] = key ? 0x65 : 0x41;
  const time = frame * FRAME_MS;
  const sound = Buffer.concat([Buffer.of(0xaf, 1), Buffer.alloc(300, 0x21)]);
  return [
    { kind: VIDEO, time, key, config: false, body },
    { kind: AUDIO, time, key: false, config: false, body: sound },
    { kind: AUDIO, time: time + FRAME_MS / 2, key: false, config: false, body: sound },
  ];
}

/** An RTMP connection once its purpose is granted. */
function talk(port, purpose) {
  return new Promise((resolve, reject) => {
    const client = new RtmpClient(
      {
        address: { transport: 'tcp', host: '127.0.0.1', port, path: '' },
        connect: {
          app: 'live',
          tcUrl: 'rtmp://localhost/live',
          pageUrl: '',
          swfUrl: '',
          flashVer: '',
          via: [],
        },
        purpose,
        deadline: PATIENCE_MS,
      },
      { accepted: () => resolve(client), closed: (reason) => reject(new Error(reason)) },
    );
  });
}

/** The name of a segment, as soon as the playlist has one. */
async function newestSegment(http) {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    const { socket, answer } = await get(http, '/hls/warm.m3u8', /\.ts\n|404/);
    socket.destroy();
    const segment = /^.*\.ts$/m.exec(answer)?.[0];
    if (segment !== undefined) return segment;
    if (performance.now() > until) throw new Error(`no segment was made: ${answer}`);
    await pause(20);
  }
}

/** Asks for a path; gives the socket and what was answered, once that is as awaited. */
function get(path, uri, awaited) {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.write(`GET ${uri} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    let answer = '';
    socket.on('data', (bytes) => {
      answer += bytes.toString('latin1');
      if (awaited.test(answer)) resolve({ socket, answer });
    });
    socket.setTimeout(PATIENCE_MS, () => socket.destroy());
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`${uri}: ${answer.slice(0, 100)}`)));
  });
}
