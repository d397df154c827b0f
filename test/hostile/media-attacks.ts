import { AUDIO, DATA, VIDEO } from '../../src/media/packet.ts';
import { writeAmf0 } from '../../src/wire/amf0.ts';
import { AGGREGATE } from '../../src/wire/rtmp/messages.ts';
import { AAC_CONFIGS, AV1_RECORDS, AVC_RECORDS, HEVC_RECORD } from '../media/records.ts';
import { connectTo, type RtmpClient } from '../rtmp/client.ts';
import { hex, mutate, seeded } from '../wire/splits.ts';
import { holds, type Prey, pause, seedOf } from './prey.ts';
import { AAC_CONFIG, AVC_CONFIG } from './sessions.ts';
import type { Attack } from './wolf.ts';

/** Whether extended timestamps are repeated in chunks of type 3, and how the first chunk of a message is written. */
type Habit = 'repeats' | 'omits' | 'repeats, deltas' | 'omits, deltas';

interface Frame {
  readonly time: number;
  readonly body: Buffer;
}

/** Writes video messages in chunks of 128 bytes as encoders of that habit do. */
function writer(habit: Habit): (frame: Frame) => Buffer {
  let before: number | undefined;
  return ({ time, body }) => {
    const delta = habit.endsWith('deltas') && before !== undefined ? (time - before) >>> 0 : undefined;
    before = time;
    const field = delta ?? time;
    const head = Buffer.alloc(delta === undefined ? 12 : 8);
    head[0] = (delta === undefined ? 0 : 0x40) | 7;
    head.writeUIntBE(Math.min(field, 0xffffff), 1, 3);
    head.writeUIntBE(body.length, 4, 3);
    head[7] = VIDEO;
    if (delta === undefined) head.writeUInt32LE(1, 8);
    const extended = Buffer.alloc(field >= 0xffffff ? 4 : 0);
    if (extended.length > 0) extended.writeUInt32BE(field);
    const parts: Buffer[] = [head, extended];
    for (let at = 0; at < body.length; at += 128) {
      if (at > 0) parts.push(Buffer.from([0xc7]), habit.startsWith('repeats') ? extended : Buffer.alloc(0));
      parts.push(body.subarray(at, at + 128));
    }
    return Buffer.concat(parts);
  };
}

function frame(time: number, number: number, size = 700): Frame {
  const nal = Buffer.alloc(size, number);
  nal[0] = number === 0 ? 0x65 : 0x41;
  nal.writeUInt32BE(number, 1);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(nal.length);
  return {
    time: time >>> 0,
    body: Buffer.concat([hex(number === 0 ? '1701000000' : '2701000000'), length, nal]),
  };
}

async function publisher(prey: Prey, name: string): Promise<RtmpClient> {
  const client = await connectTo(prey.rtmp, 'live');
  await client.publish(name);
  return client;
}

/** Publishes frames at those times to a player; gives what the player got of them. */
async function passOn(
  prey: Prey,
  name: string,
  times: readonly number[],
  habit: Habit,
): Promise<readonly Frame[]> {
  const from = await publisher(prey, name);
  const to = await connectTo(prey.rtmp, 'live');
  to.call('play', [null, name, -2000], await to.createStream());
  await pause(150);
  from.push(VIDEO, times[0]! >>> 0, AVC_CONFIG);
  const write = writer(habit);
  for (const [number, time] of times.entries()) from.write(write(frame(time, number)));
  const got = (): Frame[] =>
    to.got
      .filter(({ type, body }) => type === VIDEO && body[1] === 1)
      .map(({ timestamp, body }) => ({ time: timestamp, body }));
  await holds(() => got().length >= times.length, 3000);
  from.destroy();
  to.destroy();
  return got();
}

const START = 0xffffff - 200;
const steps = (from: number, count = 20): number[] => Array.from({ length: count }, (_, i) => from + i * 40);

const TIMES: readonly (readonly [string, readonly number[]])[] = [
  ['wrap-24', steps(START)],
  ['beyond-24', steps(0x1000000)],
  ['wrap-31', steps(2 ** 31 - 200)],
  ['wrap-32', steps(2 ** 32 - 200)],
  ['back', [...steps(100_000, 10), ...steps(5, 10)]],
  ['forth', [...steps(0, 10), ...steps(3_000_000_000, 10)]],
  ['to-and-fro', Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? i * 40 : 0xffffff00 + i))],
  ['same', new Array<number>(20).fill(0xffffffff)],
];

const HEADERS: readonly (readonly [string, Buffer])[] = [
  ['31 sets of 65,535 bytes', hex('0164001effff', 'ffff'.repeat(31))],
  ['no sets', hex('0164001effe000')],
  ['empty sets', hex('0164001effe1000001 0000')],
  ['NAL lengths of one byte', hex('0164001efc', AVC_RECORDS[0]![1].slice(10))],
  ['an impossible picture', hex('0164001effe1000f6764001e', 'ff'.repeat(11), '01000168')],
  ['zeros', Buffer.alloc(4000)],
];

/** What goes wrong within media: times, headers, aggregates. */
export const mediaAttacks: readonly Attack[] = [
  {
    name: 'extended timestamps in all habits',
    async run(prey, must) {
      const habits: readonly Habit[] = ['repeats', 'omits', 'repeats, deltas', 'omits, deltas'];
      await Promise.all(
        habits.map(async (habit, index) => {
          const times = steps(0x1234567);
          const got = await passOn(prey, `habit${index}`, times, habit);
          const same =
            got.length === times.length && got.every(({ body }, i) => body.equals(frame(0, i).body));
          must(same, `passes frames on where the encoder ${habit}`);
        }),
      );
      // A delta that needs the extended field.
      const got = await passOn(prey, 'habit-far', [0, 0x1000010, 0x2000020, 0x3000030], 'repeats, deltas');
      must(got.length === 4, 'passes frames on that are 2^24 ms apart');
    },
  },
  {
    name: 'timestamps that wrap and jump',
    async run(prey, must) {
      await Promise.all(
        TIMES.map(async ([name, times]) => {
          const got = await passOn(prey, name, times, 'repeats');
          must(
            got.length === times.length,
            `passes all frames on with times ${name} (${got.length} of ${times.length})`,
          );
          if (!name.startsWith('wrap')) return;
          const back = got.findIndex(({ time }, i) => i > 0 && ((time - got[i - 1]!.time) | 0) !== 40);
          must(back < 0, `keeps the distance of frames with times ${name}`);
        }),
      );
    },
  },
  {
    name: 'sequence headers that lie or change',
    async run(prey) {
      const client = await publisher(prey, 'liar');
      let time = 0;
      const random = seeded(seedOf(prey, 4));
      const lies = [
        ...HEADERS.map(([, record]) => Buffer.concat([hex('1700000000'), record])),
        ...AVC_RECORDS.map(([, record]) => hex('1700000000', record)),
        ...AV1_RECORDS.map(([record]) => hex('9061763031', record)),
        hex('9068766331', HEVC_RECORD),
        hex('1c00000000', HEVC_RECORD),
        hex('17'),
        hex('90'),
        hex('97ff'),
        hex('96ff61766331'),
        Buffer.alloc(0),
      ];
      const sounds = [
        ...AAC_CONFIGS.map(([, config]) => hex('af00', config)),
        hex('af00'),
        hex('af'),
        hex('90'),
        hex('9f'),
      ];
      for (let round = 0; round < 400; round += 1) {
        const lie = lies[random(lies.length)]!;
        const sound = sounds[random(sounds.length)]!;
        client.push(VIDEO, time, random(2) === 0 ? lie : mutate(lie, random));
        client.push(AUDIO, time, random(2) === 0 ? sound : mutate(sound, random));
        for (let i = 0; i < 3; i += 1) {
          time += 400;
          client.push(VIDEO, time, mutate(frame(0, i % 2, 30).body, random));
        }
        client.push(AUDIO, time, mutate(hex('af012110'), random));
        if (random(20) === 0) client.data(['onMetaData', { width: round, height: 'x', duration: -1 }]);
        if (round % 20 === 0) await pause(5);
      }
      await pause(200);
      client.destroy();
    },
  },
  {
    name: 'NAL units that lie about their length',
    async run(prey) {
      const client = await publisher(prey, 'nals');
      client.push(VIDEO, 0, AVC_CONFIG);
      client.push(AUDIO, 0, AAC_CONFIG);
      const bodies = ['ffffffff', '00000000', '00000001', '0000000541', '7fffffff65', '000000'].map((nals) =>
        hex(nals),
      );
      for (let i = 0; i < 200; i += 1) {
        const head = hex(i % 10 === 0 ? '1701000000' : '2701800000');
        client.push(VIDEO, i * 500, Buffer.concat([head, bodies[i % bodies.length]!]));
        client.push(AUDIO, i * 500, Buffer.concat([hex('af01'), Buffer.alloc((i * 97) % 20_000)]));
      }
      client.push(VIDEO, 100_000, Buffer.concat([hex('1701000000'), Buffer.alloc(3_000_000)]));
      await pause(300);
      client.destroy();
    },
  },
  {
    name: 'aggregates',
    async run(prey) {
      const tag = '09 000006 000060 00 000000 270100000041 00000011';
      const bodies = [
        hex(tag.repeat(2000)),
        hex('16 00000b 000000 00 000000', tag),
        hex('09 ffffff 000000 00 000000 27'),
        hex('09 0000'),
        hex('14 000003 000000 00 000000 020000 0000000e'),
        hex('01 000004 000000 00 000000 00000000 0000000f'),
        hex('00 000000 ffffff ff ffffff'.repeat(500)),
      ];
      for (const [index, body] of bodies.entries()) {
        // Several workers may learn in any order of one that has gone and one that comes.
        const client = await publisher(prey, `many-in-one-${index}`);
        client.push(VIDEO, 0, AVC_CONFIG);
        client.send({ csid: 6, type: AGGREGATE, streamId: 1, timestamp: 0xffffffff, body });
        await pause(50);
        client.destroy();
        await pause(50);
      }
    },
  },
  {
    name: 'data messages',
    async run(prey) {
      const client = await publisher(prey, 'data');
      const random = seeded(seedOf(prey, 5));
      const metadata = writeAmf0('@setDataFrame', 'onMetaData', {
        width: 1,
        list: [1, { a: null }],
        text: 'x'.repeat(500),
      });
      for (let i = 0; i < 500; i += 1) client.push(DATA, i, mutate(metadata, random));
      client.push(
        DATA,
        0,
        writeAmf0('onMetaData', Object.fromEntries(Array.from({ length: 4000 }, (_, i) => [`k${i}`, i]))),
      );
      client.push(DATA, 0, Buffer.concat([writeAmf0('onMetaData'), Buffer.alloc(200_000, 10)]));
      client.push(DATA, 0, writeAmf0('onStatus', { code: 'NetStream.Play.Stop' }));
      await pause(200);
      client.destroy();
    },
  },
];
