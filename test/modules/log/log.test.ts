import { expect, test } from 'vitest';
import type { ConfigError } from '../../../src/config/errors.ts';
import { templateOf } from '../../../src/http/values/template.ts';
import { AUDIO, VIDEO } from '../../../src/media/packet.ts';
import { sessionLine } from '../../../src/modules/log/line.ts';
import { logModule } from '../../../src/modules/log/log.ts';
import { COMBINED } from '../../../src/modules/log/table.ts';
import type { SessionNote } from '../../../src/modules/log/variables.ts';
import { AAC_HEADER, AVC_HEADER, keyFrame } from '../../http/publishing.ts';
import { until } from '../../rtmp/server.ts';
import { type Station, startStation } from '../station.ts';

const conf = (rtmp: string, application = '') => `
  rtmp { ${rtmp} server { listen RTMP; application live { live on; ${application} } } }
  http { access_log off; server { listen HTTP; location /flv { flv_live on; } } }
`;

async function linesOf(station: Station, file: string, count: number): Promise<readonly string[]> {
  await until(() => {
    try {
      return station.lines(file).length >= count;
    } catch {
      return false;
    }
  });
  return station.lines(file);
}

async function publish(station: Station, name: string) {
  const client = await station.client('live');
  const id = await client.publish(name);
  client.push(VIDEO, 0, AVC_HEADER, id);
  client.push(AUDIO, 0, AAC_HEADER, id);
  client.push(VIDEO, 0, keyFrame(1), id);
  const [live] = [...station.runtime.hub.applications()];
  await until(() => [...live!.streams.values()].some((stream) => stream.live));
  return client;
}

test('one line for each session that has ended', async () => {
  const station = await startStation(conf('access_log rtmp.log;'));
  const publisher = await publish(station, 'cam?key=1');
  const player = await station.client('live');
  await player.play('cam');
  await player.media();
  expect(() => station.lines('rtmp.log')).not.toThrow();
  expect(station.lines('rtmp.log')).toEqual([]);
  player.socket.destroy();
  const [played] = await linesOf(station, 'rtmp.log', 1);
  expect(played).toMatch(
    /^127\.0\.0\.1 \[\d\d\/\w{3}\/\d{4}:[\d:]{8} [+-]\d{4}\] PLAY "live" "cam" "" - \d{4} \d+ "" "test" \(0s\)$/,
  );
  publisher.socket.destroy();
  const [, published] = await linesOf(station, 'rtmp.log', 2);
  await station.client('live').then((one) => one.socket.destroy());
  const [, , idle] = await linesOf(station, 'rtmp.log', 3);
  expect(published).toMatch(/ PUBLISH "live" "cam" "key=1" - \d+ \d+ "" "test" \(0s\)$/);
  expect(idle).toMatch(/ NONE "live" "" "" - \d+ \d+ "" "test" \(0s\)$/);
});

test('HTTP-FLV players too, and what each log is told of them', async () => {
  const station = await startStation(
    conf(`log_format short "$protocol $command $app/$name";
      log_format data escape=json '{"name":"$name","sent":$bytes_sent,"time":$session_time}';
      access_log a.log short; access_log b.log DATA;`),
  );
  await publish(station, 'cam');
  const stop = new AbortController();
  const url = `http://127.0.0.1:${station.http}/flv?app=live&stream=cam&port=${station.rtmp}`;
  const answer = await fetch(url, { signal: stop.signal });
  await answer.body!.getReader().read();
  stop.abort();
  expect(await linesOf(station, 'a.log', 1)).toEqual(['http-flv PLAY live/cam']);
  const [line] = await linesOf(station, 'b.log', 1);
  expect(JSON.parse(line!)).toMatchObject({ name: 'cam', time: 0 });
  expect(JSON.parse(line!).sent).toBeGreaterThan(100);
});

test('an application of its own mind, and lines in between', async () => {
  const station = await startStation(
    conf(
      'access_log outer.log;',
      'log_format growth "$command $bytes_received"; access_log inner.log growth; log_interval 100ms;',
    ),
  );
  const publisher = await publish(station, 'cam');
  const lines = await linesOf(station, 'inner.log', 3);
  const bytes = lines.map((line) => Number(/^PUBLISH (\d+)$/.exec(line)?.[1]));
  expect(bytes[0]).toBeGreaterThan(3000);
  expect(bytes.slice(1, 3)).toEqual([0, 0]);
  publisher.push(VIDEO, 40, keyFrame(2, 500));
  await until(() => station.lines('inner.log').some((line) => /^PUBLISH 5\d\d$/.test(line)));
  expect(() => station.lines('outer.log')).toThrow();
});

test('a reload begins and ends it in mid-session', async () => {
  const station = await startStation(conf(''));
  const publisher = await publish(station, 'cam');
  await station.load(conf('access_log late.log;'));
  publisher.socket.destroy();
  const [line] = await linesOf(station, 'late.log', 1);
  expect(line).toMatch(/ PUBLISH "live" "cam" /);
  await station.load(conf('access_log late.log;', 'access_log off;'));
  const client = await publish(station, 'cam2');
  client.socket.destroy();
  await until(() => [...station.runtime.hub.applications()][0]!.streams.size === 0);
  await station.runtime.logFiles.flush();
  expect(station.lines('late.log')).toHaveLength(1);
});

const NOTE: SessionNote = {
  client: {
    id: 7,
    protocol: 'rtmp',
    origin: 'client',
    address: '192.0.2.1',
    flashver: '',
    tcurl: '',
    swfurl: '',
    pageurl: 'a"\n\\ü',
    connectArgs: '',
    log: undefined as never,
  },
  app: 'live',
  since: 1_000_000_000_000,
  now: 1_000_000_000_000,
  published: true,
  played: true,
  name: 'cam',
  args: '',
  bytesReceived: 1,
  bytesSent: 2,
};

test.each([
  ['$pageurl', 'default', 'a\\x22\\x0A\\x5C\\xC3\\xBC'],
  ['$pageurl', 'json', 'a\\"\\n\\\\ü'],
  ['$pageurl', 'none', 'a" \\ü'],
  ['$command $connection', 'default', 'PLAY+PUBLISH 7'],
  ['$session_time', 'default', '93784'],
  ['$session_readable_time', 'default', '1d 2h 3m 4s'],
  ['\x24{app}x $msec', 'default', 'livex 1000093784.005'],
] as const)('%s with escape=%s is %j', (line, escaping, expected) => {
  const now = 1_000_000_000_000 + 93_784_005;
  const written = sessionLine({ name: 'x', escaping, line: templateOf(line)! }, { ...NOTE, now }, 1000);
  expect(written).toBe(expected);
});

test('a line is cut where it is too long', () => {
  expect(sessionLine(COMBINED, NOTE, 9)).toBe('192.0.2.1');
});

test.each([
  ['access_log a.log nothing;', 'unknown log format "nothing"'],
  ['log_format x $nothing;', 'unknown variable "$nothing"'],
  ['log_format x $app; log_format X $app;', 'duplicate "log_format" name "x"'],
  ['log_format combined $app;', 'duplicate "log_format" name "combined"'],
  ['log_format x escape=html $app;', 'unknown log format escaping "html"'],
])('%s is a mistake', async (text, message) => {
  const station = await startStation(conf(''));
  const problems = await station.load(conf(`${text} access_log f.log;`)).then(
    ({ tree }) => logModule.check!(tree),
    (error: unknown) => (error as ConfigError).diagnostics,
  );
  expect(problems.map((one) => one.message)).toContain(message);
});
