import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectSecure } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAnswer, type Site, startSite } from '../harness.ts';

const LINE = 'PROXY TCP4 203.0.113.7 192.0.2.1 50000 8080\r\n';
const BINARY = Buffer.from('0d0a0d0a000d0a515549540a2111000ccb007109c0000201c350078f', 'hex').toString(
  'latin1',
);
const SHOWN =
  '"$remote_addr|$remote_port|$realip_remote_addr|$proxy_protocol_addr|$proxy_protocol_port|$proxy_protocol_server_addr|$proxy_protocol_server_port"';

describe('the client behind a proxy', () => {
  let site: Site;

  beforeAll(async () => {
    site = await startSite(`http { access_log off; server { listen PORT; return 200 none; } }`);
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-days', '2'],
        ...['-subj', '/CN=a', '-nodes', '-keyout', `${site.prefix}/a.key`, '-out', `${site.prefix}/a.pem`],
      ],
      { stdio: 'ignore', timeout: 20_000 },
    );
    await site.load(`
      http {
        log_format address '$remote_addr $uri';
        server {
          listen PORT;
          access_log access.log address;
          location / { return 200 "$remote_addr|$remote_port|$realip_remote_addr"; }
          location /one/ {
            set_real_ip_from 127.0.0.1;
            set_real_ip_from 10.0.0.0/8;
            real_ip_header X-Forwarded-For;
            location /one/all/ { real_ip_recursive on; error_page 403 = @shown; deny all; }
            location /one/closed/ { deny 203.0.113.7; root www; }
            error_page 403 = @shown;
            deny all;
          }
          location /plain/ { set_real_ip_from 127.0.0.1; error_page 403 = @shown; deny all; }
          location /other/ { set_real_ip_from 10.0.0.1; error_page 403 = @shown; deny all; }
          location @shown { return 200 "$remote_addr|$remote_port|$realip_remote_addr"; }
        }
        server {
          listen PORT2 proxy_protocol;
          set_real_ip_from 127.0.0.0/8;
          real_ip_header proxy_protocol;
          access_log off;
          location / { return 200 ${SHOWN}; }
          location /shut { deny 203.0.113.7; root www; }
        }
        server {
          listen PORT3 ssl proxy_protocol;
          ssl_certificate a.pem;
          ssl_certificate_key a.key;
          access_log off;
          location / { return 200 ${SHOWN}; }
          location /believed {
            set_real_ip_from 127.0.0.1;
            real_ip_header proxy_protocol;
            error_page 403 = @shown;
            deny all;
          }
          location @shown { return 200 ${SHOWN}; }
        }
      }`);
    site.file('www/one/closed/x.txt', 'x');
  });
  afterAll(() => site.close());

  const ask = async (path: string, field: string, value: string): Promise<string> =>
    (await site.get(path, { headers: { [field]: value } })).body.split('|').slice(0, 2).join(' ');

  it.each([
    ['nobody is believed without a rule', '/', 'X-Forwarded-For', '203.0.113.7', /^127\.0\.0\.1 [0-9]+$/],
    ['one of another address', '/other/', 'X-Real-IP', '203.0.113.7', /^127\.0\.0\.1 [0-9]+$/],
    ['by X-Real-IP', '/plain/', 'X-Real-IP', '203.0.113.7', '203.0.113.7 0'],
    ['with a port', '/plain/', 'X-Real-IP', '203.0.113.7:99', '203.0.113.7 99'],
    ['IPv6', '/plain/', 'X-Real-IP', '2001:db8::1', '2001:db8::1 0'],
    ['IPv6 with a port', '/plain/', 'X-Real-IP', '[2001:db8::1]:99', '2001:db8::1 99'],
    ['IPv4 in IPv6', '/plain/', 'X-Real-IP', '::ffff:203.0.113.7', '203.0.113.7 0'],
    ['no address', '/plain/', 'X-Real-IP', 'unknown', /^127\.0\.0\.1 [0-9]+$/],
    ['nothing', '/plain/', 'X-Real-IP', '', /^127\.0\.0\.1 [0-9]+$/],
    ['an impossible port', '/plain/', 'X-Real-IP', '203.0.113.7:99999', /^127\.0\.0\.1 [0-9]+$/],
    ['another field', '/plain/', 'X-Forwarded-For', '203.0.113.7', /^127\.0\.0\.1 [0-9]+$/],
    ['the last of a list', '/one/', 'X-Forwarded-For', '198.51.100.1, 203.0.113.7', '203.0.113.7 0'],
    ['be it a proxy', '/one/', 'X-Forwarded-For', '203.0.113.7, 10.0.0.1', '10.0.0.1 0'],
    [
      'or the last behind proxies',
      '/one/all/',
      'X-Forwarded-For',
      '9.9.9.9, 203.0.113.7,10.0.0.1 ,10.0.0.2',
      '203.0.113.7 0',
    ],
    ['or the first of all proxies', '/one/all/', 'X-Forwarded-For', '10.0.0.3, 10.0.0.2', '10.0.0.3 0'],
    ['up to what is no address', '/one/all/', 'X-Forwarded-For', '203.0.113.7, what, 10.0.0.2', '10.0.0.2 0'],
  ])('%s', async (_, path, field, value, expected) => {
    const shown = await ask(path, field, value);
    if (typeof expected === 'string') expect(shown).toBe(expected);
    else expect(shown).toMatch(expected);
  });

  it('is whom rules and logs mean', async () => {
    const denied = await site.get('/one/closed/x.txt', { headers: { 'X-Forwarded-For': '203.0.113.7' } });
    expect(denied.status).toBe(200);
    expect(denied.body).toContain('203.0.113.7|0|127.0.0.1');
    const letIn = await site.get('/one/closed/x.txt', { headers: { 'X-Forwarded-For': '203.0.113.8' } });
    expect(letIn.body).toBe('x');
    await expect
      .poll(() => readFileSync(`${site.prefix}/access.log`, 'utf8'))
      .toContain('203.0.113.8 /one/closed/x.txt');
  });

  const GET = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';

  it('is told by a PROXY header, for all requests of a connection', async () => {
    const [, second] = site.ports;
    const plain = parseAnswer(await site.raw(`${LINE}${GET}`, { port: second! }));
    expect(plain.body).toBe('203.0.113.7|50000|127.0.0.1|203.0.113.7|50000|192.0.2.1|8080');
    const binary = parseAnswer(await site.raw(`${BINARY}${GET}`, { port: second!, parts: 40 }));
    expect(binary.body).toBe('203.0.113.9|50000|127.0.0.1|203.0.113.9|50000|192.0.2.1|1935');
    const unknown = parseAnswer(await site.raw(`PROXY UNKNOWN\r\n${GET}`, { port: second! }));
    expect(unknown.body).toMatch(/^127\.0\.0\.1\|[0-9]+\|127\.0\.0\.1\|\|\|\|$/);
    const two = await site.raw(`${LINE}GET /1 HTTP/1.1\r\nHost: a\r\n\r\n${GET}`, { port: second! });
    expect(two.match(/203\.0\.113\.7\|50000/g)).toHaveLength(4);
    const shut = parseAnswer(await site.raw(`${LINE}${GET.replace('/', '/shut')}`, { port: second! }));
    expect(shut.status).toBe(403);
    expect(await site.raw(GET, { port: second! })).toBe('');
  });

  const askSecurely = (preface: string, path: string, split: boolean): Promise<string> =>
    new Promise((resolve, reject) => {
      const plain: Socket = connectPlain(site.ports[2]!, '127.0.0.1', () => {
        if (split) for (const char of preface) plain.write(char, 'latin1');
        else plain.write(preface, 'latin1');
        const secure = connectSecure({ socket: plain, rejectUnauthorized: false }, () => {
          secure.write(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
        });
        let text = '';
        secure.on('data', (chunk) => {
          text += chunk;
        });
        secure.on('error', reject);
        secure.on('close', () => resolve(text.slice(text.indexOf('\r\n\r\n') + 4)));
      });
      plain.on('error', reject);
    });

  it('is told before the handshake of TLS, too', async () => {
    const told = '203.0.113.7|50000|192.0.2.1|8080';
    for (const split of [false, true]) {
      expect(await askSecurely(LINE, '/believed', split)).toBe(`203.0.113.7|50000|127.0.0.1|${told}`);
    }
    expect(await askSecurely(LINE, '/', false)).toMatch(
      new RegExp(`^127\\.0\\.0\\.1\\|[0-9]+\\|127\\.0\\.0\\.1\\|${told.replaceAll('|', '\\|')}$`),
    );
  });
});
