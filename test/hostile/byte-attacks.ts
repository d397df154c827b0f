import { VIDEO } from '../../src/media/packet.ts';
import { ChunkWriter } from '../../src/wire/rtmp/chunk-writer.ts';
import { writeCommand } from '../../src/wire/rtmp/commands.ts';
import { abort, type OutMessage, setChunkSize } from '../../src/wire/rtmp/messages.ts';
import { mutate, seeded } from '../wire/splits.ts';
import { type Prey, pause, seedOf } from './prey.ts';
import { CONFIGS, connectTo, FRAMES, HELLO, media, on, session, sessions } from './sessions.ts';
import { type Attack, each, shaken, Wolf } from './wolf.ts';

/** Connections at a time. */
const AT_A_TIME = 40;

/** A session in which a name is published, and what the server says where it has come so far. */
function publishing(name: string): Buffer {
  return session('live', [on(1, 'publish', name, 'live'), ...media(...CONFIGS, ...FRAMES)]);
}
const GRANTED = 'NetStream.Publish.Start';

/** A message as chunks of a size, its header of type 0. */
function chunked({ csid, type, streamId, timestamp, body }: OutMessage, size: number): Buffer {
  const head = Buffer.alloc(12);
  head[0] = csid;
  head.writeUIntBE(timestamp, 1, 3);
  head.writeUIntBE(body.length, 4, 3);
  head[7] = type;
  head.writeUInt32LE(streamId, 8);
  const parts: Buffer[] = [head];
  for (let at = 0; at < body.length; at += size) {
    if (at > 0) parts.push(Buffer.from([0xc0 | csid]));
    parts.push(body.subarray(at, at + size));
  }
  return Buffer.concat(parts);
}

/** The head of a message that announces `length` bytes and has one of them, on any chunk stream. */
function begun(csid: number, length: number): Buffer {
  const basic =
    csid < 64
      ? Buffer.from([csid])
      : csid < 320
        ? Buffer.from([0, csid - 64])
        : Buffer.from([1, (csid - 64) & 255, (csid - 64) >> 8]);
  const head = Buffer.alloc(11);
  head.writeUIntBE(length, 3, 3);
  head[6] = VIDEO;
  return Buffer.concat([basic, head, Buffer.alloc(1)]);
}

async function cutShort(prey: Prey, bytes: Buffer, how: 'end' | 'reset'): Promise<void> {
  const wolf = new Wolf(prey.rtmp);
  await wolf.send(bytes);
  if (how === 'reset') wolf.reset();
  else await wolf.leave();
}

/** What goes wrong below the messages: bytes, chunks, and how they arrive. */
export const byteAttacks: readonly Attack[] = [
  {
    name: 'sessions cut at every byte',
    async run(prey) {
      const whole = Buffer.concat([HELLO, publishing('cut')]);
      const random = seeded(seedOf(prey, 1));
      // The contents of the packets of the handshake do not matter, so not every cut in them does.
      const cuts = Array.from({ length: whole.length }, (_, at) => at).filter(
        (at) => at < 40 || (at > 1500 && at < 1570) || at > 3050 || random(100) === 0,
      );
      await each(cuts, AT_A_TIME, (at) =>
        cutShort(prey, whole.subarray(0, at), at % 3 === 0 ? 'reset' : 'end'),
      );
    },
  },
  {
    name: 'damaged sessions',
    async run(prey) {
      const random = seeded(seedOf(prey, 2));
      const all = sessions('live', 'live');
      const damaged = Array.from({ length: 600 }, () => mutate(all[random(all.length)]!, random));
      await each(damaged, AT_A_TIME, (bytes) => cutShort(prey, Buffer.concat([HELLO, bytes]), 'end'));
    },
  },
  {
    name: 'noise and other protocols',
    async run(prey) {
      const random = seeded(seedOf(prey, 3));
      const noise = Array.from({ length: 100 }, () =>
        Buffer.from(Array.from({ length: 4000 }, () => random(256))),
      );
      const others = [
        'GET / HTTP/1.1\r\n\r\n',
        '\x16\x03\x01\x02\x00\x01\x00\x01',
        'SSH-2.0-x\r\n',
        '\0'.repeat(5000),
      ];
      const all = [...noise, ...others.map((text) => Buffer.from(text, 'latin1'))];
      await each(all, AT_A_TIME, (bytes) => cutShort(prey, bytes, 'end'));
      await each(all, AT_A_TIME, (bytes) => cutShort(prey, Buffer.concat([HELLO, bytes]), 'end'));
    },
  },
  {
    name: 'one byte per write',
    async run(prey, must) {
      const wolf = new Wolf(prey.rtmp);
      for (const byte of Buffer.concat([HELLO, publishing('bytewise')])) await wolf.send(Buffer.from([byte]));
      must(await wolf.hears(GRANTED), 'takes a session that comes byte by byte');
      await wolf.leave();
    },
  },
  {
    name: 'chunk sizes',
    async run(prey, must) {
      const publish = on(1, 'publish', 'sizes', 'live');
      const create = writeCommand('createStream', 2, [null]);
      const sizes = async (what: string, ...parts: readonly Buffer[]): Promise<void> => {
        const wolf = await shaken(prey.rtmp);
        await wolf.send(...parts);
        must(await wolf.hears(GRANTED), what);
        await wolf.leave();
        await pause(100);
      };
      const each1 = (size: number): Buffer[] =>
        [connectTo('live'), create, publish].map((one) => chunked(one, size));
      await sizes('follows chunk size 1', chunked(setChunkSize(1), 128), ...each1(1));
      await sizes('follows chunk size 65536', chunked(setChunkSize(65_536), 128), ...each1(65_536));
      const long = {
        ...connectTo('live'),
        body: Buffer.concat([connectTo('live').body, Buffer.alloc(300, 5)]),
      };
      const size = chunked(setChunkSize(4096), 128);
      const parts = chunked(long, 128);
      // After the first chunk of a message, the rest of it comes in chunks of another size.
      const rest = Buffer.concat([Buffer.from([0xc3]), long.body.subarray(128)]);
      await sizes(
        'follows a size changed within a message',
        parts.subarray(0, 140),
        size,
        rest,
        ...each1(4096).slice(1),
      );
      for (const absurd of [0, 0x7fffffff, 0x80000000, 0xffffffff]) {
        const wolf = await shaken(prey.rtmp);
        await wolf.send(
          chunked(setChunkSize(absurd), 128),
          ...each1(128),
          begun(6, 0xffffff),
          Buffer.alloc(100_000),
        );
        await wolf.leave();
      }
    },
  },
  {
    name: 'messages announced and never sent',
    async run(prey) {
      const wolves = await Promise.all(Array.from({ length: 60 }, () => shaken(prey.rtmp)));
      await Promise.all(
        wolves.map(async (wolf) => {
          await wolf.send(session('live', []));
          for (let csid = 3; csid < 32; csid += 1) await wolf.send(begun(csid, 0xffffff));
        }),
      );
      await pause(1500);
      await Promise.all(wolves.map((wolf) => wolf.leave(100)));
    },
  },
  {
    name: '65,597 chunk streams',
    async run(prey) {
      const wolves = await Promise.all(Array.from({ length: 5 }, () => shaken(prey.rtmp)));
      await Promise.all(
        wolves.map(async (wolf) => {
          await wolf.send(session('live', []));
          for (let csid = 3; csid < 65_600 && !wolf.closed; csid += 500) {
            const count = Math.min(500, 65_600 - csid);
            await wolf.send(Buffer.concat(Array.from({ length: count }, (_, i) => begun(csid + i, 60_000))));
          }
          await wolf.leave();
        }),
      );
    },
  },
  {
    name: 'aborted and interleaved messages',
    async run(prey, must) {
      const wolf = await shaken(prey.rtmp);
      const writer = new ChunkWriter();
      await wolf.send(writer.encode(connectTo('live'), writeCommand('createStream', 2, [null])));
      const publish = on(1, 'publish', 'woven', 'live');
      const long = chunked({ ...publish, csid: 4, type: VIDEO, body: Buffer.alloc(300, 7) }, 128);
      const other = chunked(
        { ...publish, csid: 7, body: Buffer.concat([publish.body, Buffer.alloc(200, 5)]) },
        128,
      );
      const [a, b, c] = [long.subarray(0, 140), other.subarray(0, 140), long.subarray(140, 269)];
      await wolf.send(a, b, c, chunked(abort(4), 128), other.subarray(140));
      must(await wolf.hears(GRANTED), 'puts interleaved messages together, and forgets aborted ones');
      for (const csid of [0, 1, 2, 3, 4, 64, 65_599, 0xffffffff])
        await wolf.send(chunked(abort(csid), 128), a);
      await wolf.send(Buffer.from('0200000000000102000000000000000001000000', 'hex'));
      await wolf.leave();
    },
  },
];
