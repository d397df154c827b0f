import { AUDIO, VIDEO } from '../../src/media/packet.ts';
import { type AmfWritable, writeAmf0 } from '../../src/wire/amf0.ts';
import { ChunkWriter } from '../../src/wire/rtmp/chunk-writer.ts';
import { writeCommand } from '../../src/wire/rtmp/commands.ts';
import { COMMAND_AMF0, COMMAND_AMF3, type OutMessage } from '../../src/wire/rtmp/messages.ts';
import { connectTo as opened } from '../rtmp/client.ts';
import { hex } from '../wire/splits.ts';
import { type Prey, pause } from './prey.ts';
import { AVC_CONFIG, CONFIGS, connectTo, FRAMES, media, on, session } from './sessions.ts';
import { type Attack, each, shaken } from './wolf.ts';

const AT_A_TIME = 40;
/** What a publisher is told that has its name. */
export const GRANTED = 'NetStream.Publish.Start';

/** A command whose body is given in bytes. */
function raw(body: Buffer, type = COMMAND_AMF0): OutMessage {
  return { csid: 3, type, streamId: 0, timestamp: 0, body };
}

/** Sends messages behind the handshake, and listens for a while. */
export async function say(prey: Prey, messages: readonly OutMessage[], ms = 300): Promise<string> {
  const wolf = await shaken(prey.rtmp);
  await wolf.send(new ChunkWriter().encode(...messages));
  await wolf.isLetGo(ms);
  await wolf.leave(500);
  return wolf.heard;
}

const connected: readonly OutMessage[] = [connectTo('live'), writeCommand('createStream', 2, [null])];

const VALUES: readonly AmfWritable[] = [
  ...[null, undefined, true, '', 'x', 'x'.repeat(70_000), '../../etc/passwd\0', 0, -1, 1e308, Number.NaN],
  ...[Number.POSITIVE_INFINITY, {}, { a: { b: [] } }, [], [1, [2]], new Date(Number.NaN)],
];

/** Commands, with the number of arguments that servers look at. */
const COMMANDS: readonly (readonly [string, number])[] = [
  ...([
    ['publish', 3],
    ['play', 5],
    ['play2', 2],
    ['createStream', 1],
    ['deleteStream', 2],
  ] as const),
  ...([
    ['closeStream', 1],
    ['pause', 3],
    ['seek', 2],
    ['receiveAudio', 2],
    ['receiveVideo', 2],
  ] as const),
  ...([
    ['releaseStream', 2],
    ['FCPublish', 2],
    ['FCUnpublish', 2],
    ['FCSubscribe', 2],
    ['getStreamLength', 2],
    ['pauseRaw', 3],
    ['_checkbw', 1],
  ] as const),
];

/** Names of streams that want to be more than that. */
export const NAMES: readonly string[] = [
  ...[
    '../../../../tmp/mediad-escape',
    '/etc/passwd',
    '..',
    '.',
    '...',
    'a/../../b',
    'a//b',
    '/',
    '\\',
    '..\\..\\x',
    '%2e%2e%2fx',
  ],
  ...[
    'a\0b',
    'a\r\nX-Injected: 1',
    'a\nb',
    '\u001b[31mred',
    '<script>alert(1)</script>',
    '"><img src=x>',
    "'; DROP TABLE x; --",
  ],
  ...[
    '$(touch /tmp/mediad-escape)',
    '`id`',
    '$jndi{x}',
    '%s%s%n',
    'é€😀',
    '\u202etxt',
    '\ufeff',
    'x'.repeat(300),
    'x'.repeat(255),
  ],
  ...[
    '__proto__',
    'constructor',
    'toString',
    'CON',
    'a?b=../c',
    '?',
    'a.m3u8',
    'index',
    ' ',
    'a;b',
    'a|b',
    '-rf',
    '~',
    '*',
  ],
];

function nested(depth: number): Buffer {
  return Buffer.concat([
    writeAmf0('connect', 1),
    ...new Array<Buffer>(depth).fill(hex('0a00000001')),
    hex('05'),
  ]);
}

/** What goes wrong within commands: values, order, names. */
export const commandAttacks: readonly Attack[] = [
  {
    name: 'AMF nesting, counts and references',
    async run(prey) {
      const bodies = [
        nested(10),
        nested(5000),
        Buffer.concat([
          writeAmf0('connect', 1),
          ...new Array<Buffer>(5000).fill(hex('03 0001 61')),
          hex('05'),
        ]),
        Buffer.concat([writeAmf0('connect', 1), hex('0a ffffffff 05')]),
        Buffer.concat([writeAmf0('connect', 1), hex('08 ffffffff 0001 61 05')]),
        Buffer.concat([writeAmf0('connect', 1), hex('0c ffffffff 61')]),
        Buffer.concat([writeAmf0('connect', 1), Buffer.alloc(500_000, 5)]),
        Buffer.concat([
          writeAmf0('connect', 1),
          hex('0a 00000002 0a 00000000'),
          hex('07 0001'.repeat(40_000)),
        ]),
        Buffer.concat([writeAmf0('connect', 1), hex('03 0001 61 07 0000 000009')]),
        Buffer.concat([writeAmf0('connect', 1), hex('11'), ...new Array<Buffer>(5000).fill(hex('090301'))]),
        Buffer.concat([writeAmf0('connect', 1), hex('11 0d ffffff7f 00')]),
        Buffer.concat([writeAmf0('connect', 1), hex('0b 7ff8000000000000 ffff 10 ffff')]),
        writeAmf0({}),
        writeAmf0('connect'),
        writeAmf0('connect', 'one', 'two'),
        writeAmf0('connect', 1, Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`k${i}`, i]))),
        Buffer.alloc(0),
      ];
      await each(bodies, AT_A_TIME, async (body) => {
        await say(prey, [raw(body)]);
        await say(prey, [raw(Buffer.concat([Buffer.alloc(1), body]), COMMAND_AMF3)]);
      });
    },
  },
  {
    name: 'wrong types in every argument',
    async run(prey) {
      const cases: OutMessage[][] = [];
      for (const [name, count] of COMMANDS) {
        for (let wrong = 0; wrong < count; wrong += 1) {
          for (const value of VALUES) {
            const args: AmfWritable[] = [null, 'name', -2, -1, true].slice(0, count);
            args[wrong] = value;
            cases.push([...connected, writeCommand(name, 3, args, 1)]);
          }
        }
      }
      for (const value of VALUES) {
        for (const field of [
          'app',
          'tcUrl',
          'flashVer',
          'swfUrl',
          'pageUrl',
          'objectEncoding',
          'fourCcList',
          'videoFourCcInfoMap',
          'audioFourCcInfoMap',
          'capsEx',
          'via',
        ]) {
          cases.push([writeCommand('connect', 1, [{ app: 'live', tcUrl: 'rtmp://x/live', [field]: value }])]);
        }
        cases.push([writeCommand('connect', 1, [value])]);
        cases.push([raw(writeAmf0('connect', value, { app: 'live' }))]);
        cases.push([raw(writeAmf0(value, 1, { app: 'live' }))]);
      }
      await each(cases, AT_A_TIME, async (messages) => void (await say(prey, messages, 50)));
    },
  },
  {
    name: 'commands in an order that makes no sense',
    async run(prey, must) {
      const play = on(1, 'play', 'order');
      const publish = on(1, 'publish', 'order', 'live');
      const frames = media(...CONFIGS, ...FRAMES);
      const orders: readonly (readonly OutMessage[])[] = [
        [connectTo('live'), connectTo('live'), connectTo('live')],
        [publish],
        [writeCommand('createStream', 2, [null])],
        [...frames],
        [connectTo('live'), ...frames],
        [...connected, ...frames, publish],
        [...connected, play, publish, ...frames],
        [...connected, publish, publish, ...frames],
        [...connected, publish, play, ...frames],
        [...connected, publish, connectTo('live'), ...frames],
        [...connected, publish, on(0, 'deleteStream', 1), ...frames, on(0, 'deleteStream', 1)],
        [...connected, publish, on(1, 'closeStream'), ...frames, publish],
        [...connected, on(99, 'publish', 'order'), ...frames],
        [...connected, on(0xffffffff, 'play', 'order'), on(0, 'play', 'order')],
        [...connected, ...Array.from({ length: 50 }, (_, i) => on(i, 'play', `order${i}`))],
        [...connected, ...Array.from({ length: 1000 }, (_, i) => writeCommand('createStream', i, [null]))],
        [
          ...connected,
          ...Array.from({ length: 2000 }, (_, i) => writeCommand('x'.repeat(i % 500), i, [null])),
        ],
        [...connected, ...Array.from({ length: 2000 }, (_, i) => on(1, 'pause', i % 2 === 0, 0))],
        [...connected, play, ...Array.from({ length: 500 }, (_, i) => on(1, 'receiveVideo', i % 2 === 0))],
        [...connected, ...Array.from({ length: 300 }, () => [publish, on(1, 'closeStream')]).flat()],
        [connectTo('no-such-application'), ...connected],
        [connectTo(''), publish],
      ];
      await each(orders, 4, async (messages) => void (await say(prey, messages)));
      await pause(300);
      const heard = await say(prey, [...connected, on(1, 'publish', 'order', 'live')]);
      must(heard.includes(GRANTED), 'gives the name to the next publisher afterwards');
    },
  },
  {
    name: 'two publishers of a name, media on a wrong message stream',
    async run(prey, must) {
      const first = await opened(prey.rtmp, 'live');
      await first.publish('contested');
      first.push(VIDEO, 0, AVC_CONFIG);
      const second = await say(prey, [
        ...connected,
        on(1, 'publish', 'contested', 'live'),
        ...media(...CONFIGS, ...FRAMES),
      ]);
      must(!second.includes(GRANTED), 'keeps a name from a second publisher');
      for (const streamId of [0, 2, 77, 0xffffffff]) {
        first.push(VIDEO, 40, hex('2701000000 00000001 41'), streamId);
        first.push(AUDIO, 40, hex('af0121'), streamId);
      }
      await pause(200);
      must(!first.socket.destroyed, 'keeps the first publisher, also if it gets the message stream wrong');
      first.destroy();
    },
  },
  {
    name: 'names as paths, markup and commands',
    async run(prey, must) {
      await each(NAMES, 8, async (name) => {
        const publish = [
          on(1, 'publish', name, 'live'),
          ...media(...CONFIGS, ...FRAMES),
          ...media(...FRAMES),
        ];
        await say(prey, [...connected, ...publish], 150);
        await say(prey, [...connected, on(1, 'play', name)], 50);
        const heard = await say(prey, [connectTo(name)], 100);
        must(
          prey.anyApplication === true || !heard.includes('NetConnection.Connect.Success'),
          `refuses the application ${JSON.stringify(name)}`,
        );
      });
      // As bytes that are no UTF-8.
      for (const bytes of ['ff', 'c0ae', 'eda080', 'f8888080', '80']) {
        const name = Buffer.concat([
          hex('02'),
          hex((bytes.length / 2).toString(16).padStart(4, '0')),
          hex(bytes),
        ]);
        const body = Buffer.concat([writeAmf0('publish', 3, null), name]);
        await say(prey, [...connected, { ...raw(body), streamId: 1 }], 50);
      }
    },
  },
  {
    name: 'sessions that all want the same',
    async run(prey) {
      await each(Array.from({ length: 200 }), AT_A_TIME, async () => {
        const wolf = await shaken(prey.rtmp);
        await wolf.send(
          session('live', [on(1, 'publish', 'crowd', 'live'), ...media(...CONFIGS, ...FRAMES)]),
        );
        wolf.reset();
      });
    },
  },
];
