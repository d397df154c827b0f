import { createHmac } from 'node:crypto';
import { writeCommand } from '../../src/wire/rtmp/commands.ts';
import { mutate, seeded } from '../wire/splits.ts';
import { GRANTED, NAMES, say } from './command-attacks.ts';
import { ask, statusOf } from './http-attacks.ts';
import { pause, seedOf } from './prey.ts';
import { CONFIGS, connectTo, FRAMES, media, on, session } from './sessions.ts';
import { type Attack, each, shaken, Wolf } from './wolf.ts';

const AT_A_TIME = 20;
const HOST = 'Host: 127.0.0.1\r\nConnection: close\r\n';

/** Parts of paths and values of arguments that want to be more. */
const WORDS: readonly string[] = [
  ...[
    '',
    '..',
    '../..',
    '%2e%2e%2f',
    '%00',
    '%ff',
    '%0d%0aX-Injected:1',
    '%3Cscript%3E',
    '"',
    "'",
    '%',
    '%zz',
  ],
  ...[
    '-1',
    '0',
    '1e9',
    '99999999999999999999',
    'NaN',
    'true',
    '__proto__',
    'constructor',
    '*',
    '[]',
    'a'.repeat(3000),
  ],
];

const API: readonly string[] = [
  ...[
    'streams/live/',
    'streams/',
    'clients/',
    'relays/',
    'execs/',
    'hooks/',
    'recordings/',
    'reload/',
    'config/',
    '',
  ],
  ...['events?', 'streams?app=', 'clients?protocol=', 'x/', '../'],
];

const CONTROL: readonly string[] = [
  ...['record/start?app=rec&name=', 'record/stop?app=rec&rec=', 'record/start?app=rec&name=a&rec='],
  ...[
    'drop/publisher?app=nobody&name=',
    'drop/client?clientid=',
    'drop/client?addr=',
    'drop/subscriber?app=',
  ],
  ...['redirect/subscriber?app=nobody&name=a&newname=', 'redirect/publisher?app=nobody&newname=', 'x/', ''],
];

const KEY = '0123456789abcdef0123456789abcdef';

function signed(action: string, name: string, expires: number): string {
  const text = `${action}\nsigned/${name}\n${expires}`;
  return `expires=${expires}&sign=${createHmac('sha256', KEY).update(text).digest('base64url')}`;
}

/** Other arguments beside those that are signed make no difference. */
function saysTheSame(args: string, good: string): boolean {
  const [one, other] = [new URLSearchParams(args), new URLSearchParams(good)];
  return Number(one.get('expires')) === Number(other.get('expires')) && one.get('sign') === other.get('sign');
}

/** What goes wrong with what modules offer. Servers that do not have them are passed over. */
export const moduleAttacks: readonly Attack[] = [
  {
    name: 'JSON interface, control, statistics and metrics',
    async run(prey, must) {
      if (prey.modules !== true) return;
      const paths = [
        ...API.flatMap((path) => WORDS.map((word) => `/api/${path}${word}`)),
        ...CONTROL.flatMap((path) => WORDS.map((word) => `/control/${path}${word}`)),
        ...['/stat', '/metrics', '/page/', '/page/player.json', '/signed-files/'].flatMap((path) =>
          WORDS.map((word) => `${path}?x=${word}&app=${word}&name=${word}`),
        ),
      ];
      await each(paths, AT_A_TIME, async (path) => {
        const answer = await ask(prey, `GET ${path} HTTP/1.1\r\n${HOST}\r\n`, 1500);
        // As nginx-rtmp does, control says with 500 what is wrong with an order.
        const fault = /^HTTP\/1\.1 5/.test(answer) && !path.startsWith('/control');
        must(!fault && answer !== '', `answers ${path.slice(0, 60)} (${statusOf(answer)})`);
        must(!/^X-Injected/m.test(answer), 'keeps line ends out of its headers');
        must(!answer.includes('<script>alert'), 'escapes markup');
      });
      for (const method of ['DELETE', 'POST', 'PUT', 'PATCH', 'OPTIONS', 'HEAD']) {
        await each(['/api/clients/1', '/api/', '/control/', '/stat', '/metrics'], AT_A_TIME, async (path) => {
          const answer = await ask(prey, `${method} ${path} HTTP/1.1\r\n${HOST}\r\n`, 1500);
          must(!/^HTTP\/1\.1 5/.test(answer), `answers ${method} ${path} with no fault`);
        });
      }
      const answer = await ask(prey, `DELETE /api/clients/1 HTTP/1.1\r\n${HOST}\r\n`);
      must(/^HTTP\/1\.1 40[345]/.test(answer), `changes nothing without leave (${statusOf(answer)})`);
    },
  },
  {
    name: 'events that nobody reads',
    async run(prey) {
      if (prey.modules !== true) return;
      const wolves = Array.from({ length: 60 }, () => new Wolf(prey.http!));
      for (const wolf of wolves) wolf.socket.pause();
      await Promise.all(wolves.map((wolf) => wolf.send(`GET /api/events HTTP/1.1\r\n${HOST}\r\n`)));
      const loud = Array.from({ length: 300 }, (_, i) => `${'x'.repeat(200)}${i}`);
      await each(loud, AT_A_TIME, async (name) => {
        const wolf = await shaken(prey.rtmp);
        await wolf.send(session('live', [on(1, 'publish', name), ...media(...CONFIGS, ...FRAMES)]));
        wolf.reset();
      });
      for (const wolf of wolves) wolf.reset();
    },
  },
  {
    name: 'signatures that are none',
    async run(prey, must) {
      if (prey.modules !== true) return;
      const random = seeded(seedOf(prey, 11));
      const future = Math.floor(Date.now() / 1000) + 3600;
      const good = signed('publish', 'a', future);
      const bad = [
        ...['', 'sign=', 'expires=&sign=', 'expires=9999999999&sign=x', `${good}x`, good.slice(0, -1)],
        ...[good.replace('expires=', 'expires=0'), good.replace('expires=', 'expires=-'), `${good}%00`],
        ...[signed('publish', 'a', 1), signed('publish', 'b', future)],
        ...[`expires=1&${good}`, `${good}&expires=${future + 1}`, `sign=x&${good}`, good.replace('=', '[]=')],
        ...Array.from({ length: 100 }, () => mutate(Buffer.from(good), random).toString('latin1')),
      ].filter((args) => !saysTheSame(args, good));
      await each(bad, AT_A_TIME, async (args) => {
        const messages = [
          connectTo('signed'),
          writeCommand('createStream', 2, [null]),
          on(1, 'publish', `a?${args}`, 'live'),
        ];
        const heard = await say(prey, messages, 150);
        must(!heard.includes(GRANTED), `lets nobody publish with ${JSON.stringify(args).slice(0, 80)}`);
        const path = `/live?port=${prey.rtmp}&app=signed&stream=a&${args.replace(/[^!-~]/g, '%ff')}`;
        const answer = await ask(prey, `GET ${path} HTTP/1.1\r\n${HOST}\r\n`, 300);
        must(
          !answer.startsWith('HTTP/1.1 200'),
          `lets nobody play with ${JSON.stringify(args).slice(0, 80)}`,
        );
      });
      const messages = [
        connectTo('signed'),
        writeCommand('createStream', 2, [null]),
        on(1, 'publish', `a?${good}`, 'live'),
      ];
      must((await say(prey, messages)).includes(GRANTED), 'lets those in who are meant');
    },
  },
  {
    name: 'recordings of names and media that lie',
    async run(prey, must) {
      if (prey.modules !== true) return;
      const random = seeded(seedOf(prey, 12));
      const connected = [connectTo('rec'), writeCommand('createStream', 2, [null])];
      await each(NAMES, 8, async (name) => {
        const messages = [...connected, on(1, 'publish', name, 'live'), ...media(...CONFIGS, ...FRAMES)];
        await say(prey, messages, 100);
      });
      const whole = session('rec', [on(1, 'publish', 'damaged'), ...media(...CONFIGS, ...FRAMES, ...FRAMES)]);
      await each(Array.from({ length: 150 }), AT_A_TIME, async () => {
        const wolf = await shaken(prey.rtmp);
        await wolf.send(mutate(whole, random));
        await pause(20);
        wolf.reset();
      });
      const heard = await say(prey, [...connected, on(1, 'publish', 'after', 'live'), ...media(...CONFIGS)]);
      must(heard.includes(GRANTED), 'goes on recording others');
    },
  },
];
