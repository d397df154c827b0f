import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Site, startSite } from '../harness.ts';

const md5 = (text: string, form: 'base64url' | 'hex'): string => createHash('md5').update(text).digest(form);

describe('secure_link', () => {
  let site: Site;

  beforeAll(async () => {
    site = await startSite(`
      http {
        access_log off;
        server {
          listen PORT;
          location /s/ {
            secure_link $arg_md5,$arg_expires;
            secure_link_md5 "$secure_link_expires$uri$remote_addr secret";
            if ($secure_link = "") { return 403; }
            if ($secure_link = "0") { return 410; }
            return 200 "ok $secure_link $secure_link_expires";
          }
          location /forever/ {
            secure_link $arg_md5;
            secure_link_md5 "$uri secret";
            return 200 "[$secure_link]";
          }
          location /p/ { secure_link_secret word; return 200 "[$secure_link]"; }
          location /itself/ {
            secure_link $arg_md5;
            secure_link_md5 "$secure_link$uri";
            return 200 "[$secure_link]";
          }
          location / { return 200 "[$secure_link]"; }
        }
      }`);
  });
  afterAll(() => site.close());

  const now = (): number => Math.floor(Date.now() / 1000);
  const link = (uri: string, expires: number | string, secret = 'secret'): string =>
    `${uri}?md5=${md5(`${expires}${uri}127.0.0.1 ${secret}`, 'base64url')}&expires=${expires}`;

  it('lets good links through until they expire', async () => {
    const later = now() + 60;
    expect((await site.get(link('/s/a.ts', later))).body).toBe(`ok 1 ${later}`);
    expect((await site.get(link('/s/a.ts', now() - 2))).status).toBe(410);
  });

  it.each([
    ['another secret', () => link('/s/a.ts', now() + 60, 'guess')],
    ['another path', () => link('/s/a.ts', now() + 60).replace('a.ts', 'b.ts')],
    ['another time', () => `${link('/s/a.ts', now() + 60)}0`],
    ['no time', () => link('/s/a.ts', '')],
    ['a time that is none', () => link('/s/a.ts', 'soon')],
    ['a time of 0', () => link('/s/a.ts', 0)],
    ['no hash', () => `/s/a.ts?expires=${now() + 60}`],
    ['a short hash', () => link('/s/a.ts', now() + 60).replace(/md5=./, 'md5=')],
    ['a hash of other letters', () => link('/s/a.ts', now() + 60).replace(/md5=../, 'md5=%2B%2B')],
    ['nothing', () => '/s/a.ts'],
  ])('refuses %s', async (_, url) => {
    expect((await site.get(url())).status).toBe(403);
  });

  it.each([
    ['/forever/x', `?md5=${md5('/forever/x secret', 'base64url')}`, '[1]'],
    ['/forever/x', `?md5=${md5('/forever/x secret', 'base64url')}==`, '[1]'],
    ['/forever/y', `?md5=${md5('/forever/x secret', 'base64url')}`, '[]'],
    [`/p/${md5('a/b.tsword', 'hex')}/a/b.ts`, '', '[a/b.ts]'],
    [`/p/${md5('a/b.tsword', 'hex').toUpperCase()}/a/b.ts`, '', '[a/b.ts]'],
    [`/p/${md5('a/b.tsword', 'hex')}/a/c.ts`, '', '[]'],
    [`/p/${md5('word', 'hex')}/`, '', '[]'],
    ['/p/x', '', '[]'],
    ['/itself/', `?md5=${md5('/itself/', 'base64url')}`, '[1]'],
    ['/x', '', '[]'],
  ])('%s%s', async (path, query, expected) => {
    expect((await site.get(`${path}${query}`)).body).toBe(expected);
  });
});
