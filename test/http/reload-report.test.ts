import { expect, test } from 'vitest';
import { startSite } from './harness.ts';

const conf = (server: string, http = ''): string =>
  `http { ${http} server { listen PORT; server_name a.example; ${server} } }`;

const cases: readonly (readonly [what: string, before: string, after: string, told: readonly string[]])[] = [
  ['nothing', conf('location / { return 204; }'), conf('  location / { return 204; }'), []],
  [
    'a location more and one less',
    conf('location /a { return 204; }'),
    conf('location = /a { return 204; }'),
    ['started location = /a', 'closed location /a'],
  ],
  [
    'a setting of a location alone',
    conf('location /a { expires 1h; } location /b { expires 1h; }'),
    conf('location /a { expires 2h; } location /b { expires 1h; }'),
    ['updated location /a: expires'],
  ],
  [
    'a setting that locations inherit is told once',
    conf('expires 1h; location /a { return 204; } location /b { expires 3h; }'),
    conf('expires 2h; location /a { return 204; } location /b { expires 3h; }'),
    ['updated http server: expires'],
  ],
  [
    'a location in a location',
    conf('location /a { location /a/b { expires 1h; } }'),
    conf('location /a { location /a/b { expires 2h; } }'),
    ['updated location /a/b: expires'],
  ],
  [
    'the order of patterns',
    conf('location ~ a { return 204; } location ~ b { return 204; }'),
    conf('location ~ b { return 204; } location ~ a { return 204; }'),
    ['updated location : order of patterns'],
  ],
  [
    'what http says for all',
    conf('', 'map $uri $x { default 1; }'),
    conf('', 'map $uri $x { default 2; }'),
    ['updated setting http: map'],
  ],
  [
    'rules of access',
    conf('location /a { allow 127.0.0.1; deny all; }'),
    conf('location /a { deny all; }'),
    ['updated location /a: access_rules'],
  ],
];

test.each(cases)('%s', async (_, before, after, expected) => {
  const site = await startSite(before);
  try {
    const { changes } = await site.load(after);
    const label = `http:${site.port}/a.example`;
    expect(
      changes.map(({ kind, name, outcome, changed }) => {
        const short = name.replace(label, '').trim();
        return `${outcome} ${[kind, short].filter((word, index) => index === 0 || word !== '' || kind === 'location').join(' ')}${changed === undefined ? '' : `: ${changed.join()}`}`;
      }),
    ).toEqual(expected);
    expect((await site.load(after)).changes).toEqual([]);
  } finally {
    await site.close();
  }
});
