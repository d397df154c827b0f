import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { flag } from '../../../src/config/rows.ts';
import { mayOperate } from '../../../src/http/answers/operators.ts';
import { contentHandler, type HttpModule } from '../../../src/http/handler.ts';
import { type Site, startSite } from '../harness.ts';

const table = { operators: flag(false, 'Says who may ask.') } as const;

const operatorsModule: HttpModule = {
  name: 'operators',
  tables: { location: table },
  content: contentHandler(table, {
    enabled: (conf) => conf.operators,
    handle: (exchange) => ({ status: 200, body: mayOperate(exchange) ? 'yes' : 'no' }),
  }),
};

describe('who may operate where no rule says so', () => {
  let site: Site;
  beforeAll(async () => {
    site = await startSite(
      `http { access_log off; server { listen PORT; server_name www.example.com; operators on;
        location /rule { allow 127.0.0.1; deny all; } } }`,
      [operatorsModule],
    );
  });
  afterAll(() => site.close());

  it.each<[string, string, Readonly<Record<string, string>>, 'yes' | 'no']>([
    ['this machine by its address', '127.0.0.1:8080', {}, 'yes'],
    ['this machine by another address of its own', '127.8.0.9', {}, 'yes'],
    ['this machine by its IPv6 address', '[::1]:8080', {}, 'yes'],
    ['this machine by its name', 'LocalHost:8080', {}, 'yes'],
    ['a name that leads here', 'rebound.example.net', {}, 'no'],
    ['a name that leads here and is a server’s', 'www.example.com', {}, 'no'],
    ['a name that begins like an address', '127.0.0.1.example.net', {}, 'no'],
    ['a name that begins like a name of its own', 'localhost.example.net', {}, 'no'],
    ['an address that is not this machine', '192.0.2.1', {}, 'no'],
    [
      'a page of its own',
      'localhost',
      { Origin: 'http://localhost:8080', 'Sec-Fetch-Site': 'same-origin' },
      'yes',
    ],
    ['an address that somebody types', 'localhost', { 'Sec-Fetch-Site': 'none' }, 'yes'],
    ['a stranger’s page', 'localhost', { Origin: 'https://example.net' }, 'no'],
    ['a page without an origin', 'localhost', { Origin: 'null' }, 'no'],
    ['a picture in a stranger’s page', 'localhost', { 'Sec-Fetch-Site': 'cross-site' }, 'no'],
  ])('%s', async (_name, host, headers, expected) => {
    expect((await site.get('/', { host, headers })).body).toBe(expected);
    expect((await site.get('/rule', { host, headers })).body).toBe('yes');
  });

  it('a client that names no host', async () => {
    expect(await site.raw('GET / HTTP/1.0\r\n\r\n')).toMatch(/yes$/);
    expect(await site.raw('GET / HTTP/1.0\r\nHost:\r\n\r\n')).not.toMatch(/no$/);
  });
});
