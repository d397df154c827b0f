import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Child, start, until } from './children.ts';
import { openPage } from './chromium.ts';
import { type Mediad, makePlace, type Place, plainConf, ROOT, startMediad } from './harness.ts';
import { fixture, publishFile } from './media.ts';
import { startNginx } from './nginx.ts';

/** Elements that only mediad has, below those of their parent that nginx-rtmp has too. */
const OWN = {
  client: ['protocol', 'bytes_in', 'bytes_out', 'skips', 'backlog', 'delay'],
  stream: ['key_interval', 'av_gap', 'repairs', 'viewers', 'lag', 'issues'],
  // nginx has it where it was built with the compiler's name.
  rtmp: ['compiler', 'control'],
};

const APPLICATIONS = `
  application live { live on; }
  application other { live on; }
  application none { }`;

const STAT = `
  location /stat { rtmp_stat all; rtmp_stat_stylesheet stat.xsl; }
  location /names { rtmp_stat global; }
  location /control { rtmp_control all; }`;

function mediadConf(place: Place): string {
  return `error_log stderr info; rtmp { server { listen 127.0.0.1:${place.rtmp}; ${APPLICATIONS} } }
  http {
    access_log off;
    server {
      listen 127.0.0.1:${place.http};
      location = /stat.xsl { alias ${join(ROOT, 'conf/stat.xsl')}; types { text/xml xsl; } }
      location /json { rtmp_stat all; rtmp_stat_format json; }
      ${STAT}
    }
  }`;
}

interface Element {
  readonly name: string;
  readonly text: string;
  readonly children: readonly Element[];
}

/** Reads XML as the statistics have it: elements and text, no attributes. Throws where it is not well-formed. */
function readXml(text: string): Element {
  const stack: { name: string; text: string; children: Element[] }[] = [{ name: '', text: '', children: [] }];
  for (const [, tag, content] of text.replace(/<\?.*?\?>/gs, '').matchAll(/<([^<>]*)>|([^<]+)/g)) {
    const top = stack.at(-1)!;
    if (tag === undefined) top.text += content!.trim();
    else if (tag.endsWith('/')) top.children.push({ name: tag.slice(0, -1), text: '', children: [] });
    else if (!tag.startsWith('/')) stack.push({ name: tag, text: '', children: [] });
    else {
      if (tag.slice(1) !== top.name) throw new Error(`<${tag}> ends <${top.name}>`);
      stack.pop();
      stack.at(-1)!.children.push(top);
    }
  }
  const [root] = stack;
  if (stack.length !== 1 || root!.children.length !== 1) throw new Error(`not one whole element: ${text}`);
  return root!.children[0]!;
}

function without(element: Element): unknown[] {
  const own: readonly string[] = OWN[element.name as keyof typeof OWN] ?? [];
  return [
    element.name,
    ...element.children.filter(({ name }) => !own.includes(name)).map((child) => without(child)),
  ];
}

function find(element: Element, name: string): Element[] {
  return element.children.flatMap((child) =>
    child.name === name ? [child, ...find(child, name)] : find(child, name),
  );
}

function valuesOf(element: Element, ...names: readonly string[]): Record<string, string | undefined> {
  return Object.fromEntries(
    names.map((name) => [name, element.children.find((child) => child.name === name)?.text]),
  );
}

async function fetchText(url: string): Promise<string> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(5000) });
  if (answer.status !== 200) throw new Error(`${url}: ${answer.status}`);
  return answer.text();
}

let mediad: Mediad;
let nginx: { readonly http: number; readonly rtmp: number };
const children: Child[] = [];

/** The same publisher and the same player for each of the two servers. */
async function people(port: number, http: number): Promise<void> {
  const url = `rtmp://127.0.0.1:${port}/live/cam`;
  children.push(await publishFile(await fixture('plain'), url, { loop: true }));
  await statOf(http, (stat) => find(stat, 'meta').length === 1);
  children.push(
    await start('rtmpdump', [
      '-q',
      '-r',
      url,
      '-p',
      'http://page/?a&b<c>',
      '-s',
      'http://x/y.swf',
      '-o',
      '/dev/null',
    ]),
  );
}

async function statOf(port: number, ready: (stat: Element) => boolean): Promise<Element> {
  return until(
    `the statistics of port ${port} are complete`,
    async () => {
      const stat = readXml(await fetchText(`http://127.0.0.1:${port}/stat`));
      return ready(stat) ? stat : undefined;
    },
    30_000,
  );
}

const complete = (stat: Element): boolean =>
  find(stat, 'meta').length === 1 && find(stat, 'client').length === 2 && find(stat, 'active').length === 3;

beforeAll(async () => {
  mediad = await startMediad(mediadConf);
  const place = await makePlace();
  const http = `http { access_log off; server { listen 127.0.0.1:${place.http}; ${STAT} } }`;
  await startNginx(place, place.rtmp, APPLICATIONS, http);
  nginx = { http: place.http, rtmp: place.rtmp };
  await Promise.all([people(mediad.place.rtmp, mediad.place.http), people(nginx.rtmp, nginx.http)]);
}, 30_000);

describe('beside nginx-rtmp', () => {
  test('the XML has the same elements in the same order', async () => {
    const [ours, theirs] = await Promise.all([
      statOf(mediad.place.http, complete),
      statOf(nginx.http, complete),
    ]);
    expect(without(ours)).toEqual(without(theirs));
    const names = await Promise.all(
      [mediad.place.http, nginx.http].map((port) => fetchText(`http://127.0.0.1:${port}/names`)),
    );
    expect(without(readXml(names[0]!))).toEqual(without(readXml(names[1]!)));
  });

  test('it says the same of codecs and clients', async () => {
    const [ours, theirs] = await Promise.all([
      statOf(mediad.place.http, complete),
      statOf(nginx.http, complete),
    ]);
    const facts = (stat: Element) => ({
      video: valuesOf(find(stat, 'video')[0]!, 'width', 'height', 'codec', 'profile', 'compat', 'level'),
      audio: valuesOf(find(stat, 'audio')[0]!, 'codec', 'profile', 'channels', 'sample_rate'),
      clients: find(stat, 'client').map((one) => valuesOf(one, 'address', 'pageurl', 'swfurl')),
      numbers: [find(stat, 'nclients').map(({ text }) => text), valuesOf(stat, 'naccepted')],
    });
    expect(facts(ours)).toEqual(facts(theirs));
    // They cut the name of the encoder at 31 characters.
    const versions = (stat: Element) => find(stat, 'flashver').map(({ text }) => text.slice(0, 31));
    expect(versions(ours)).toEqual(versions(theirs));
  });

  test('the rates are near each other', async () => {
    const settled = (stat: Element): boolean => Number(valuesOf(stat, 'uptime')['uptime']) >= 14;
    const [ours, theirs] = await Promise.all([
      statOf(mediad.place.http, settled),
      statOf(nginx.http, settled),
    ]);
    for (const name of ['bw_in', 'bw_out', 'bw_video', 'bw_audio']) {
      const rate = (stat: Element) => Number(valuesOf(find(stat, 'stream')[0]!, name)[name]);
      expect(rate(ours) / rate(theirs), name).toBeGreaterThan(0.7);
      expect(rate(ours) / rate(theirs), name).toBeLessThan(1.4);
    }
    expect(Number(valuesOf(find(ours, 'video')[0]!, 'frame_rate')['frame_rate'])).toBeCloseTo(25, -0.5);
  }, 40_000);

  test.each([
    'record/start?app=live&name=nobody',
    'record/foo?app=live&name=cam',
    'record/start?app=live&name=cam&rec=none',
    'drop/foo',
    'drop/publisher?srv=7',
    'drop/publisher?app=none',
    'drop/publisher?name=nobody',
    'drop/subscriber?app=live&name=cam&addr=9.9.9.9',
    'drop/client?clientid=999999',
    'redirect/publisher?app=live&name=cam',
    'foo/bar',
    'drop/subscriber?app=live&name=cam',
    'drop/publisher?app=live',
  ])('control answers %s alike', async (path) => {
    const [ours, theirs] = await Promise.all(
      [mediad.place.http, nginx.http].map(async (port) => {
        const answer = await fetch(`http://127.0.0.1:${port}/control/${path}`);
        const body = await answer.text();
        return { status: answer.status, body: answer.status === 200 ? body : '' };
      }),
    );
    expect(ours).toEqual(theirs);
  });
});

test('the stylesheet shows streams, codecs, rates and clients, with links to drop them', async () => {
  await people(mediad.place.rtmp, mediad.place.http);
  await statOf(mediad.place.http, complete);
  const { page, errors, close } = await openPage(mediad.httpUrl('/stat'));
  const text = await page.innerText('body');
  expect(text).toContain('cam');
  expect(text).toMatch(/H264 \w+ 3\.\d 640×360, \d+ fps/);
  expect(text).toMatch(/AAC LC 44\.1 kHz, 2 ch/);
  expect(text).toContain('publishes');
  expect(text).toContain('127.0.0.1');
  expect(text).toMatch(/\d+ kbit\/s/);
  const link = await page.getAttribute('a', 'href');
  expect(link).toMatch(/^\/control\/drop\/client\?srv=0&clientid=\d+$/);
  const picture = process.env['MEDIAD_PICTURES'];
  if (picture !== undefined) await page.screenshot({ path: join(picture, 'stat.png'), fullPage: true });
  expect(await fetchText(mediad.httpUrl(link!))).toBe('1');
  expect(errors).toEqual([]);
  await close();
}, 40_000);

test('the JSON is whole', async () => {
  const page = JSON.parse(await fetchText(mediad.httpUrl('/json')))['http-flv'];
  expect(page.servers[0].applications.map(({ name }: { name: string }) => name)).toEqual([
    'live',
    'other',
    'none',
  ]);
  expect(page.control).toBe('/control');
});

test('viewers of HLS are counted by who they are', async () => {
  const server = await startMediad((place) =>
    plainConf(place, '', 'location /json { rtmp_stat all; rtmp_stat_format json; }'),
  );
  await publishFile(await fixture('plain'), server.rtmpUrl('live', 'hls'), { loop: true });
  const ask = async (agent: string): Promise<boolean> =>
    (await fetch(server.httpUrl('/hls/hls.m3u8'), { headers: { 'User-Agent': agent } })).ok;
  await until('there is a playlist', () => ask('one'), 15_000);
  expect(await ask('one')).toBe(true);
  expect(await ask('two')).toBe(true);
  const page = JSON.parse(await fetchText(server.httpUrl('/json')))['http-flv'];
  expect(page.servers[0].applications[0].live.streams[0].viewers).toEqual({ rtmp: 0, http_flv: 0, hls: 2 });
  await server.stop();
}, 30_000);

test('the interface tells of reloads, and a stop does not wait for those who listen', async () => {
  const conf = (place: Place, wait = 'on'): string =>
    plainConf(place, `wait_key ${wait};`, 'location /api/ { api on; }');
  const server = await startMediad((place) => conf(place));
  const stop = new AbortController();
  const answer = await fetch(server.httpUrl('/api/events'), { signal: stop.signal });
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  await server.reload(conf(server.place, 'off'));
  let text = '';
  while (!text.includes('event: reload')) text += (await reader.read()).value;
  expect(text).toContain('wait_key');
  const { applied, succeeded } = JSON.parse(await fetchText(server.httpUrl('/api/reload')));
  expect([applied >= 1, succeeded]).toEqual([true, true]);
  expect(await fetchText(server.httpUrl('/api/config'))).toContain(
    `"wait_key":{"value":false,"at":"${server.place.conf}:`,
  );
  const startedAt = performance.now();
  await server.stop('SIGQUIT');
  expect(performance.now() - startedAt).toBeLessThan(4000);
}, 30_000);
