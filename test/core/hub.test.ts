import { describe, expect, test, vi } from 'vitest';
import { loadConfig } from '../../src/config/config.ts';
import { memoryFiles } from '../../src/config/files.ts';
import { flag, text } from '../../src/config/rows.ts';
import { Refused } from '../../src/core/applications/refused.ts';
import type { Client } from '../../src/core/applications/request.ts';
import { applicationService, type Module, type Service, serverService } from '../../src/core/module.ts';
import { Report } from '../../src/core/reload/report.ts';
import { Runtime } from '../../src/core/runtime.ts';
import { serverSpecs } from '../../src/rtmp/check.ts';
import { rtmpModule } from '../../src/rtmp/directives.ts';
import { silent } from './fixtures.ts';

/** A module whose service of an application tells what is done to it. */
function watched(update?: (conf: { readonly word: string }) => boolean) {
  const told: string[] = [];
  const table = { watch: flag(false, 'Runs it.'), word: text('', 'A setting.') } as const;
  const module: Module = {
    name: 'watched',
    tables: { application: table },
    application: applicationService(table, {
      enabled: ({ watch }) => watch,
      start: ({ word }, context) => {
        if (word === 'broken') {
          context.own(() => told.push('undone'));
          throw new Error('cannot');
        }
        told.push(`start ${context.application.name} ${word}`);
        context.own(() => told.push('undo first'));
        context.own(() => told.push('undo last'));
        const service: Service<{ readonly watch: boolean; readonly word: string }> = {
          close: () => void told.push('close'),
          ...(update === undefined
            ? {}
            : {
                update: (conf) => {
                  told.push(`update ${conf.word}`);
                  return update(conf);
                },
              }),
        };
        return service;
      },
    }),
  };
  return { module, told };
}

function setUp(...more: readonly Module[]) {
  const modules = [rtmpModule, ...more];
  const runtime = new Runtime('/prefix', silent);
  const { hub } = runtime;
  const commit = (rtmp: string): Report => {
    const files = memoryFiles({ '/prefix/test.conf': `rtmp { ${rtmp} }` });
    const { tree } = loadConfig({ file: '/prefix/test.conf', sources: modules, files });
    const report = new Report();
    hub.commit(serverSpecs(tree), modules, { ...runtime, prefix: '/prefix' }, report);
    return report;
  };
  return { hub, commit };
}

const outcomes = (report: Report, kind: string) =>
  report.entries.filter((entry) => entry.kind === kind).map(({ name, outcome }) => `${outcome} ${name}`);

describe('services', () => {
  const conf = (words: string) => `server { listen 1935; application live { live on; ${words} } }`;

  test('with equal settings are left untouched, whatever else changes around them', () => {
    const { module, told } = watched();
    const { commit } = setUp(module);
    commit(conf('watch on; word a;'));
    const report = commit(`  ${conf('gop_cache off;\n\n word a; watch on;')}`);
    expect(told).toEqual(['start live a']);
    expect(outcomes(report, 'service')).toEqual(['kept watched of rtmp:1935/live']);
    expect(report.changes).toMatchObject([{ kind: 'application', changed: ['gop_cache'] }]);
  });

  test('take new settings where they can', () => {
    const { module, told } = watched(() => true);
    const { commit } = setUp(module);
    commit(conf('watch on; word a;'));
    const report = commit(conf('watch on; word b;'));
    commit(conf('watch on; word b;'));
    expect(told).toEqual(['start live a', 'update b']);
    expect(report.changes).toMatchObject([{ outcome: 'updated', changed: ['word'] }]);
  });

  test.each([
    ['have no update', undefined],
    ['say they cannot', (): boolean => false],
    [
      'fail at it',
      (): boolean => {
        throw new Error('cannot');
      },
    ],
  ] as const)('are started again where they %s', (_, update) => {
    const { module, told } = watched(update);
    const { commit } = setUp(module);
    commit(conf('watch on; word a;'));
    const report = commit(conf('watch on; word b;'));
    expect(told.filter((entry) => !entry.startsWith('update'))).toEqual([
      'start live a',
      'undo last',
      'undo first',
      'close',
      'start live b',
    ]);
    expect(report.changes).toMatchObject([{ outcome: 'restarted' }]);
  });

  test('no longer enabled are closed, what they registered is undone, and they may come back', () => {
    const { module, told } = watched();
    const { commit } = setUp(module);
    commit(conf('watch on;'));
    expect(outcomes(commit(conf('')), 'service')).toEqual(['closed watched of rtmp:1935/live']);
    expect(told.slice(1)).toEqual(['undo last', 'undo first', 'close']);
    expect(outcomes(commit(conf('watch on;')), 'service')).toEqual(['started watched of rtmp:1935/live']);
  });

  test('that cannot start are told of, undone, and tried again', () => {
    const { module, told } = watched();
    const { commit } = setUp(module);
    expect(outcomes(commit(conf('watch on; word broken;')), 'service')).toEqual([
      'failed watched of rtmp:1935/live',
    ]);
    expect(told).toEqual(['undone']);
    commit(conf('watch on; word whole;'));
    expect(told.at(-1)).toBe('start live whole');
  });

  test('follow an application that goes', () => {
    const { module, told } = watched();
    const { commit } = setUp(module);
    commit(conf('watch on;'));
    commit('server { listen 1935; application other { live on; } }');
    expect(told.at(-1)).toBe('close');
  });

  test('of servers gate connects, until they are closed', async () => {
    const table = { closed_to_all: flag(false, 'Refuses everybody.') } as const;
    const told: string[] = [];
    const module: Module = {
      name: 'door',
      tables: { rtmp_server: table },
      server: serverService(table, {
        enabled: (settings) => settings.closed_to_all,
        start: (_, { gate, observe }) => {
          gate(() => {
            throw new Refused('denied', 'closed');
          });
          observe({ connected: () => void told.push('in'), disconnected: () => void told.push('out') });
          return {};
        },
      }),
    };
    const { hub, commit } = setUp(module);
    const server = (words: string) => `server { listen 1935; ${words} application live { live on; } }`;
    commit(server('closed_to_all on;'));
    const one = hub.servers[0]!;
    const client = { id: 1 } as Client;
    await expect(one.connect(client, 'live')).rejects.toMatchObject({ reason: 'denied' });
    one.disconnect(client);
    commit(server(''));
    expect((await one.connect(client, 'live')).name).toBe('live');
    await expect(one.connect(client, 'other')).rejects.toMatchObject({ reason: 'not-found' });
    one.disconnect(client);
    expect(told).toEqual([]);
  });
});

describe('servers across reloads', () => {
  const app = 'application live { live on; }';

  test.each<[string, string, string, readonly string[]]>([
    [
      'another address',
      `server { listen 1; server_name a; ${app} }`,
      `server { listen 2; server_name a; ${app} }`,
      ['updated'],
    ],
    [
      'another name',
      `server { listen 1; server_name a; ${app} }`,
      `server { listen 1; server_name b; ${app} }`,
      ['updated'],
    ],
    [
      'both, with an application in common',
      `server { listen 1; server_name a; ${app} }`,
      `server { listen 2; server_name b; ${app} }`,
      ['updated'],
    ],
    [
      'nothing in common',
      `server { listen 1; ${app} }`,
      'server { listen 2; application x { live on; } }',
      ['started', 'closed'],
    ],
    [
      'another order',
      `server { listen 1; server_name a; ${app} } server { listen 1; server_name b; ${app} }`,
      `server { listen 1; server_name b; ${app} } server { listen 1; server_name a; ${app} }`,
      ['kept', 'kept'],
    ],
    [
      'one more before it',
      `server { listen 1; ${app} }`,
      `server { listen 2; ${app} } server { listen 1; ${app} }`,
      ['started', 'kept'],
    ],
  ])('with %s', (_, before, after, expected) => {
    const { hub, commit } = setUp();
    commit(before);
    const known = hub.servers.map((server) => server.application('live'));
    const report = commit(after);
    expect(report.entries.filter(({ kind }) => kind === 'server').map(({ outcome }) => outcome)).toEqual(
      expected,
    );
    const kept = hub.servers.map((server) => server.application('live')).filter((one) => known.includes(one));
    expect(kept).toHaveLength(
      expected.filter((outcome) => outcome === 'kept' || outcome === 'updated').length,
    );
  });

  test('of equal names keep their applications apart', () => {
    const { hub, commit } = setUp();
    commit(`server { listen 1; server_name a; ${app} } server { listen 1; server_name b; ${app} }`);
    const [a, b] = hub.servers.map((server) => server.application('live'));
    commit(`server { listen 1; server_name b; ${app} } server { listen 1; server_name a; ${app} }`);
    expect(hub.servers.map((server) => server.application('live'))).toEqual([b, a]);
    expect(a).not.toBe(b);
  });

  test('are labelled by what they are now', () => {
    const { hub, commit } = setUp();
    commit(`server { listen 1935; server_name a; ${app} }`);
    commit(`server { listen 1935; server_name b; ${app} }`);
    expect(hub.servers[0]!.label).toBe('rtmp:1935/b');
  });

  test('are chosen by address, then name, then default_server, then order', () => {
    const { hub, commit } = setUp();
    commit(`
      server { listen 1; server_name a; ${app} }
      server { listen 1 default_server; server_name b; ${app} }
      server { listen 2; ${app} }
    `);
    const index = (key: string, host: string | null) => {
      const [address, port] = key.split(':') as [string, string];
      const listen = { ...hub.servers[0]!.spec.listens[0]!, key, host: address, port: Number(port) };
      const server = hub.choose(listen, '127.0.0.1', host);
      return server === undefined ? -1 : hub.servers.indexOf(server);
    };
    expect([
      index('0.0.0.0:1', null),
      index('0.0.0.0:1', 'a'),
      index('0.0.0.0:1', 'zzz'),
      index('0.0.0.0:2', 'a'),
      index('0.0.0.0:3', null),
      // Written otherwise when the client came.
      index('127.0.0.1:2', null),
    ]).toEqual([1, 0, 1, 2, -1, 2]);
    expect(hub.servers.indexOf(hub.chooseByPort(2, null)!)).toBe(2);
  });

  test('that go close their applications', () => {
    const { hub, commit } = setUp();
    commit(`server { listen 1; ${app} }`);
    const application = hub.servers[0]!.application('live')!;
    const close = vi.spyOn(application, 'close');
    commit('');
    expect(close).toHaveBeenCalledOnce();
    expect(hub.servers).toEqual([]);
    hub.close('the end');
  });
});
