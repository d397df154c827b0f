/**
 * Throughput of the wire layer on one core: `npx esbuild bench/wire.ts --bundle --platform=node --format=esm | node
 * --input-type=module`. Prints MB of message bodies per second.
 */
import { performance } from 'node:perf_hooks';
import { readAacConfig } from '../src/media/aac.ts';
import type { Muxer } from '../src/media/format.ts';
import { AUDIO, type MediaPacket, VIDEO } from '../src/media/packet.ts';
import { flvFormat } from '../src/wire/flv/format.ts';
import { AudioGatherer } from '../src/wire/mpegts/audio.ts';
import { TICKS_PER_MS, TransportMuxer } from '../src/wire/mpegts/muxer.ts';
import { ChunkReader } from '../src/wire/rtmp/chunk-reader.ts';
import { ChunkWriter } from '../src/wire/rtmp/chunk-writer.ts';
import { rtmpFormat } from '../src/wire/rtmp/format.ts';

const ROUND_MS = 1000;
const READ_BYTES = 65_536;

/** Two seconds of 720p25 at about 2 Mbit/s: a key frame of 60 kB, frames of 9 kB, 43 audio frames a second. */
function group(): MediaPacket[] {
  const packets: MediaPacket[] = [];
  for (let time = 0; time < 2000; time += 40) {
    const key = time === 0;
    packets.push({ kind: VIDEO, time, key, config: false, body: Buffer.alloc(key ? 60_000 : 9_000, 1) });
    for (const late of [3, 26]) {
      packets.push({ kind: AUDIO, time: time + late, key: false, config: false, body: Buffer.alloc(370, 2) });
    }
  }
  return packets;
}

function measure(name: string, bytes: number, run: () => void): void {
  const until = performance.now() + ROUND_MS;
  while (performance.now() < until) run();
  const start = performance.now();
  let runs = 0;
  while (performance.now() < start + ROUND_MS) {
    run();
    runs += 1;
  }
  const rate = (bytes * runs) / 1e3 / (performance.now() - start);
  console.log(`${name.padEnd(28)} ${rate.toFixed(0).padStart(6)} MB/s`);
}

function measureReader(packets: readonly MediaPacket[], bytes: number, chunkSize: number): void {
  const stream = rtmpFormat(chunkSize).muxer().encode(packets, 0, 0);
  const reader = new ChunkReader({ maxMessage: 16_777_215, maxStreams: 32 });
  reader.push(new ChunkWriter().setChunkSize(chunkSize), () => undefined);
  let seen = 0;
  measure(`reader, chunks of ${chunkSize}`, bytes, () => {
    for (let at = 0; at < stream.length; at += READ_BYTES) {
      reader.push(stream.subarray(at, at + READ_BYTES), (message) => {
        seen += message.body.length;
      });
    }
  });
  if (seen === 0) throw new Error('nothing was read');
}

function measureMuxer(packets: readonly MediaPacket[], bytes: number, name: string, muxer: Muxer): void {
  measure(`muxer, ${name}`, bytes, () => void muxer.encode(packets, 10, 2));
}

/** The group as a segment: pictures of four slices, ADTS sound gathered as for HLS. */
function measureTransport(packets: readonly MediaPacket[], bytes: number): void {
  const muxer = new TransportMuxer();
  const gatherer = new AudioGatherer(muxer, () => ({ delay: 300, sync: 2, bytes: 1 << 20 }));
  const sets = Buffer.alloc(40, 1);
  const config = readAacConfig(Buffer.from('1210', 'hex'));
  const pictures = new Map(
    packets.filter(({ kind }) => kind === VIDEO).map((one) => [one, slices(one.body.length)]),
  );
  let seen = 0;
  measure('muxer, mpegts', bytes, () => {
    muxer.start({ video: 'avc', audio: 'aac' }, true);
    for (const packet of packets) {
      const ticks = packet.time * TICKS_PER_MS;
      const data = pictures.get(packet);
      if (data === undefined) gatherer.aac(ticks, packet.body, 2, config);
      else {
        gatherer.before(ticks);
        muxer.video({
          dts: ticks,
          pts: ticks,
          key: packet.key,
          data,
          offset: 5,
          lengthSize: 4,
          parameterSets: sets,
        });
      }
    }
    gatherer.flush();
    seen += muxer.finish().length;
    gatherer.reset();
  });
  if (seen === 0) throw new Error('nothing was packed');
}

/** A picture's FLV tag body of four NAL units. */
function slices(length: number): Buffer {
  const body = Buffer.alloc(length, 1);
  const size = Math.floor((length - 5) / 4);
  for (let i = 0; i < 4; i++) {
    const whole = i === 3 ? length - 5 - 3 * size : size;
    body.writeUInt32BE(whole - 4, 5 + i * size);
    body[9 + i * size] = 0x41;
  }
  return body;
}

const packets = group();
const bytes = packets.reduce((sum, { body }) => sum + body.length, 0);
for (const size of [128, 4096, 65_536]) measureReader(packets, bytes, size);
for (const format of [rtmpFormat(128), rtmpFormat(4096), rtmpFormat(60_000), flvFormat()]) {
  measureMuxer(packets, bytes, format.name, format.muxer());
}
measureTransport(packets, bytes);
