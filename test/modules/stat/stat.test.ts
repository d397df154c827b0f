import { afterEach, describe, expect, test } from 'vitest';
import { statModule } from '../../../src/modules/stat/stat.ts';
import { escapeXml } from '../../../src/modules/stat/xml.ts';
import { type Site, startSite, textOf } from '../../http/harness.ts';
import { applicationOf, begin, clientOf, publish, serve } from '../../http/publishing.ts';

const sites: Site[] = [];

afterEach(async () => {
  await Promise.all(sites.splice(0).map((site) => site.close()));
});

async function site(location: string): Promise<Site> {
  const one = await startSite(`http { access_log off; server { listen PORT; ${location} } }`, [statModule]);
  sites.push(one);
  serve(
    one.runtime,
    { port: 1935, applications: { live: {}, off: { live: false } } },
    { port: 1936, applications: { other: {} } },
  );
  return one;
}

/** The names of the elements in order, with their nesting: `a(b c)`. */
function outline(xml: string): string {
  return xml
    .replace(/^<\?.*\?>\s*/gm, '')
    .replace(/>[^<]*</g, '><')
    .replace(/<(\w[\w-]*)><\/\1>/g, '$1 ')
    .replace(/<(\w[\w-]*)\/>/g, '$1 ')
    .replace(/<(\w[\w-]*)>/g, '$1(')
    .replace(/<\/[\w-]+>/g, ') ')
    .replace(/ \)/g, ')')
    .trim();
}

async function play(one: Site, name: string, client: Partial<Parameters<typeof clientOf>[1]> = {}) {
  const application = applicationOf(one.runtime, 'live');
  return application.play(
    {
      action: 'play',
      client: clientOf(one.runtime, client),
      application,
      name,
      args: '',
      start: -2,
      duration: -1,
      reset: false,
      listener: {},
      dismiss: () => undefined,
    },
    true,
  );
}

const SCALARS =
  'nginx_version nginx_rtmp_version compiler built pid uptime naccepted bw_in bytes_in bw_out bytes_out';

describe('the page as XML', () => {
  test('has the elements of nginx-rtmp in their order, and its own after them', async () => {
    const one = await site('location /stat { rtmp_stat all; rtmp_stat_stylesheet /s.xsl?a&b; }');
    begin(await publish(one.runtime, applicationOf(one.runtime, 'live'), 'cam'));
    await play(one, 'cam', { flashver: 'LNX', pageurl: 'http://page/?a&b', swfurl: 'x.swf' });
    const answer = await one.get('/stat');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/xml');
    const lines = textOf(answer).split('\r\n');
    expect(lines.slice(0, 3)).toEqual([
      '<?xml version="1.0" encoding="utf-8" ?>',
      '<?xml-stylesheet type="text/xsl" href="/s.xsl?a&amp;b" ?>',
      '<rtmp>',
    ]);
    const own = 'protocol bytes_in bytes_out skips backlog delay';
    const meta =
      'meta(video(width height frame_rate codec profile compat level) audio(codec profile channels sample_rate))';
    expect(outline(textOf(answer)).replaceAll(') )', '))')).toBe(
      `rtmp(${SCALARS} server(application(name live(stream(name time bw_in bytes_in bw_out bytes_out ` +
        `bw_audio bw_video client(id address time flashver pageurl swfurl dropped avsync timestamp ${own}) ` +
        `client(id address time dropped avsync timestamp publishing active ${own}) ${meta} nclients ` +
        `publishing active key_interval av_gap repairs viewers(rtmp http_flv hls) lag issues) nclients)) ` +
        `application(name)) server(application(name live(nclients))))`,
    );
  });

  test.each([
    ['global', 'server(application(name) application(name)) server(application(name)))'],
    ['live', 'server(application(name live(stream(name'],
  ])('%s shows what it says', async (words, end) => {
    const one = await site(`location /stat { rtmp_stat ${words}; }`);
    begin(await publish(one.runtime, applicationOf(one.runtime, 'live'), 'cam'));
    const shown = outline(textOf(await one.get('/stat'))).replaceAll(') )', '))');
    expect(shown).toContain(`rtmp(${SCALARS} ${end}`);
    expect(shown).not.toContain('client(');
  });

  test('states what the stream carries', async () => {
    const one = await site('location /stat { rtmp_stat all; rtmp_stat_root http-flv; }');
    begin(await publish(one.runtime, applicationOf(one.runtime, 'live'), 'cam'));
    const text = textOf(await one.get('/stat'));
    expect(text).toContain('<http-flv>\r\n<nginx_version>mediad/');
    expect(text).toContain('<nginx_http_flv_version>');
    expect(text).toContain('<server>\r\n<port>1935</port>\r\n<server_index>0</server_index>');
    expect(text).toContain('<codec>H264</codec><profile>Main</profile><compat>64</compat><level>3.1</level>');
    expect(text).toContain(
      '<codec>AAC</codec><profile>LC</profile><channels>2</channels><sample_rate>44100</sample_rate>',
    );
    expect(text).toMatch(/<frame_rate>\d+\.\d{3}<\/frame_rate>/);
  });

  test('is not inherited by the locations inside', async () => {
    const one = await site('location /stat { rtmp_stat all; location /stat/inside { } }');
    expect((await one.get('/stat/other')).status).toBe(200);
    expect((await one.get('/stat/inside')).status).toBe(404);
  });

  test('stays well-formed whatever clients call themselves', async () => {
    const one = await site('location /stat { rtmp_stat all; }');
    await play(one, 'a<b>&"c', {
      flashver: '\u0000\u001b]]>\ud800\uffff',
      pageurl: '</client>',
      swfurl: '“ü”',
    });
    const text = textOf(await one.get('/stat'));
    expect(text).toContain('<name>a&lt;b&gt;&amp;&quot;c</name>');
    expect(text).toContain('<flashver>  ]]&gt;  </flashver>');
    expect(text).toContain('<pageurl>&lt;/client&gt;</pageurl><swfurl>“ü”</swfurl>');
  });

  test.each([
    ['plain', 'plain'],
    ['a\tb\r\nc', 'a b  c'],
    ['\u0000\u0008\u007f\u0085\ufffe', '     '],
    ['\ud83d\ude00 \udc00', '😀  '],
    [`<&>"'`, `&lt;&amp;&gt;&quot;'`],
  ])('escapes %j', (text, escaped) => {
    expect(escapeXml(text)).toBe(escaped);
  });
});

describe('the page as JSON', () => {
  test('has the fields of nginx-http-flv, and any name in them', async () => {
    const one = await site('location /stat { rtmp_stat all; rtmp_stat_format json; }');
    begin(await publish(one.runtime, applicationOf(one.runtime, 'live'), 'a"b'));
    await play(one, 'a"b', { flashver: '\u0001"' });
    const answer = await one.get('/stat');
    expect(answer.headers.get('content-type')).toBe('application/json');
    const page = JSON.parse(textOf(answer))['http-flv'];
    expect(Object.keys(page)).toEqual([
      ...SCALARS.replace('nginx_rtmp', 'nginx_http_flv').split(' '),
      'servers',
    ]);
    expect(page.servers).toMatchObject([
      {
        port: 1935,
        server_index: 0,
        applications: [
          { name: 'live', live: { nclients: 2, streams: [{ name: 'a"b', nclients: 2, publishing: true }] } },
          { name: 'off' },
        ],
      },
      { port: 1936, server_index: 1 },
    ]);
    const [stream] = page.servers[0].applications[0].live.streams;
    expect(stream.clients).toMatchObject([
      { flashver: '\u0001"', publishing: false },
      { publishing: true, active: true },
    ]);
    expect(stream.meta).toMatchObject({
      video: { codec: 'H264', profile: 'Main', level: 3.1 },
      audio: { codec: 'AAC', profile: 'LC', channels: 2, sample_rate: 44_100 },
    });
  });
});
