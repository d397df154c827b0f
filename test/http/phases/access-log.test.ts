import { readFileSync, renameSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigError } from '../../../src/config/errors.ts';
import { type Site, startSite } from '../harness.ts';

const CONF = `
http {
  log_format json escape=json '{"uri":"$uri","agent":"$http_user_agent","n":$status}';
  log_format none escape=none '$http_user_agent|$sent_http_x_sent|$bytes_sent|$request_length';
  log_format times '$time_local|$time_iso8601|$msec|$request_time|$connection|$pid';
  map $status $loggable { ~^[23] 0; default 1; }
  access_log logs/main.log;
  server {
    listen PORT;
    location / { return 200 "hello"; }
    location /json { access_log json.log json; return 201 ""; }
    location /none { access_log none.log none; add_header X-Sent yes; return 200 "four"; }
    location /two { access_log one.log none; access_log two.log json; return 200; }
    location /off { access_log off; return 200; }
    location /times { access_log times.log times; return 200; }
    location /if { access_log if.log json if=$loggable; if ($arg_bad) { return 403; } return 200; }
    location /by { access_log by-$arg_name.log json; return 200; }
    location /if-off { if ($arg_x) { access_log off; } return 200; }
  }
}`;

describe('the access log', () => {
  let site: Site;
  beforeAll(async () => {
    site = await startSite('http { access_log off; server { listen PORT; } }');
    site.file('logs/.keep', '');
    await site.load(CONF);
  });
  afterAll(() => site.close());

  const lines = (name: string): string[] => {
    try {
      return readFileSync(`${site.prefix}/${name}`, 'utf8').split('\n').slice(0, -1);
    } catch {
      return [];
    }
  };

  it('has the combined form', async () => {
    await site.get('/a?b=1', { headers: { 'User-Agent': 'a "quoted" ü\\', Referer: 'http://r/' } });
    await site.get('/b', {
      headers: { Authorization: `Basic ${Buffer.from('ann:secret').toString('base64')}` },
    });
    await expect.poll(() => lines('logs/main.log').length).toBe(2);
    const [first, second] = lines('logs/main.log');
    const time = String.raw`\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]`;
    expect(first).toMatch(
      new RegExp(
        `^127\\.0\\.0\\.1 - - ${time} "GET /a\\?b=1 HTTP/1\\.1" 200 5 "http://r/" "a \\\\x22quoted\\\\x22 \\\\xC3\\\\xBC\\\\x5C"$`,
      ),
    );
    expect(second).toMatch(new RegExp(`^127\\.0\\.0\\.1 - ann ${time} "GET /b HTTP/1\\.1" 200 5 "-" "-"$`));
    expect(second).not.toContain('secret');
  });

  it('escapes as its format says', async () => {
    await site.get('/json', { headers: { 'User-Agent': 'q"\\' } });
    await expect.poll(() => lines('json.log')).toHaveLength(1);
    expect(JSON.parse(lines('json.log')[0]!)).toEqual({ uri: '/json', agent: 'q"\\', n: 201 });
    const answer = await site.raw(
      'GET /none HTTP/1.1\r\nHost: x\r\nUser-Agent: a "b"\r\nConnection: close\r\n\r\n',
    );
    await expect.poll(() => lines('none.log')).toEqual([`a "b"|yes|${answer.length}|69`]);
  });

  it('knows the time', async () => {
    await site.get('/times');
    await expect.poll(() => lines('times.log').length).toBe(1);
    const [local, iso, msec, took, connection, pid] = lines('times.log')[0]!.split('|');
    expect(local).toMatch(/^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}$/);
    expect(Math.abs(Date.parse(iso!) - Date.now())).toBeLessThan(5000);
    expect(Math.abs(Number(msec) * 1000 - Date.now())).toBeLessThan(5000);
    expect(Number(took)).toBeLessThan(5);
    expect(Number(connection)).toBeGreaterThan(0);
    expect(Number(pid)).toBe(process.pid);
  });

  it('goes to every file of the innermost place, where its condition holds', async () => {
    const before = lines('logs/main.log').length;
    await site.get('/two');
    await site.get('/off');
    await site.get('/if');
    await site.get('/if?bad=1');
    await site.get('/by?name=x');
    await site.get('/if-off?x=1');
    await site.get('/if-off');
    await expect.poll(() => lines('logs/main.log').length).toBe(before + 1);
    await expect
      .poll(() => [lines('one.log').length, lines('two.log').length, lines('by-x.log').length])
      .toEqual([1, 1, 1]);
    expect(lines('if.log').map((line) => (JSON.parse(line) as { n: number }).n)).toEqual([403]);
  });

  it('logs what is no request, and who hung up', async () => {
    await site.get('/json', { method: 'HEAD' });
    await expect.poll(() => lines('json.log').length).toBe(2);
  });

  it('goes on in a new file after a rotation, and loses no line over a reload', async () => {
    renameSync(`${site.prefix}/logs/main.log`, `${site.prefix}/logs/old.log`);
    const old = lines('logs/old.log').length;
    await site.get('/1');
    await expect.poll(() => lines('logs/old.log').length).toBe(old + 1);
    site.runtime.logFiles.reopen();
    await site.get('/2');
    await site.load(CONF.replace('hello', 'again'));
    await site.get('/3');
    await expect.poll(() => lines('logs/main.log').length).toBe(2);
  });

  it('refuses a file that cannot be opened, and keeps the log it has', async () => {
    const failed = await site
      .load(CONF.replace('logs/main.log', 'gone/x.log'))
      .catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(ConfigError);
    expect((failed as ConfigError).message).toMatch(/open\(\) ".*gone\/x\.log" failed \(ENOENT\)/);
    const before = lines('logs/main.log').length;
    await site.get('/4');
    await expect.poll(() => lines('logs/main.log').length).toBe(before + 1);
  });
});
