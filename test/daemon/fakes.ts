import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type Block, childrenOf } from '../../src/config/block.ts';
import type { Diagnostic } from '../../src/config/errors.ts';
import { list } from '../../src/config/rows.ts';
import { atOnce } from '../../src/config/slices.ts';
import type { BlockRow, Context, Scope } from '../../src/config/table.ts';
import { liveTable } from '../../src/core/applications/live.ts';
import type { Protocol, Wanted } from '../../src/core/connections/listeners.ts';
import type { Host, Prepared } from '../../src/core/host.ts';
import type { Module } from '../../src/core/module.ts';
import { type Listen, readListen } from '../../src/core/net/addresses.ts';
import { carryOut, type Step } from '../../src/core/reload/plan.ts';
import type { Runtime } from '../../src/core/runtime.ts';
import { Daemon, type DaemonOptions } from '../../src/daemon.ts';
import { mainModule } from '../../src/modules/main/main.ts';

function block(opens: Context, inside: Context, named = false): BlockRow<string> {
  return {
    kind: 'block',
    opens,
    read: ([word]) => word?.value ?? '',
    min: named ? 1 : 0,
    max: named ? 1 : 0,
    contexts: [inside],
    key: named ? (value) => value : null,
    syntax: '{ ... }',
    help: 'A block.',
  };
}

const listen = (scope: Context) =>
  list<Listen>((words, context) => readListen(words, context, 1), 'Listens.', 'ADDRESS', {
    max: 9,
    contexts: [scope],
  });

/** Just enough of both protocols to listen and to have applications. */
const protocolsModule: Module = {
  name: 'protocols',
  tables: {
    main: { rtmp: block('rtmp', 'main'), http: block('http', 'main') },
    rtmp: { server: block('rtmp_server', 'rtmp') },
    rtmp_server: {
      listen: listen('rtmp_server'),
      application: block('application', 'rtmp_server', true),
    },
    application: liveTable,
    http: { server: block('server', 'http') },
    server: { listen: listen('server') },
  } as Partial<Record<Scope, Module['tables'][Scope] & object>>,
};

const fakeModules: readonly Module[] = [mainModule, protocolsModule];

/** A host that says its name to whoever connects, and whose steps can be made to fail or to wait. */
export class FakeHost implements Host {
  readonly protocol: Protocol;
  readonly runtime: Runtime;
  readonly steps: string[] = [];
  readonly sockets = new Set<Socket>();
  findings: readonly Diagnostic[] = [];
  /** Thrown by the next `prepare`. */
  failure: Error | undefined;
  /** Awaited by `prepare`. */
  gate: Promise<void> = Promise.resolve();

  constructor(protocol: Protocol, runtime: Runtime) {
    this.protocol = protocol;
    this.runtime = runtime;
  }

  check(): readonly Diagnostic[] {
    return this.findings;
  }

  listens(tree: Block): readonly Wanted[] {
    return this.#servers(tree).flatMap((server) =>
      (server.settings['listen'] as readonly Listen[]).map((one) => ({
        listen: one,
        protocol: this.protocol,
        at: server.origins['listen']!,
      })),
    );
  }

  async prepare(tree: Block): Promise<Prepared> {
    this.steps.push('prepare');
    await this.gate;
    const { failure } = this;
    this.failure = undefined;
    if (failure !== undefined) throw failure;
    const plan = (): readonly Step[] => {
      if (this.protocol !== 'rtmp') return [];
      const { hub, files, logFiles, prefix } = this.runtime;
      const specs = this.#servers(tree).map((server) => ({
        listens: server.settings['listen'] as readonly Listen[],
        names: [],
        block: server,
        applications: childrenOf(server, 'application'),
      }));
      return atOnce(hub.plan(specs, fakeModules, { files, logFiles, prefix }));
    };
    return {
      plan,
      commit: (report) => {
        this.steps.push('commit');
        carryOut(plan(), report);
      },
      undo: () => {
        this.steps.push('undo');
      },
    };
  }

  accept(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('end', () => socket.end());
    socket.resume();
    socket.write(this.protocol);
  }

  drain(): void {
    this.steps.push('drain');
  }

  close(): void {
    this.steps.push('close');
    for (const socket of this.sockets) socket.destroy();
  }

  #servers(tree: Block): readonly Block[] {
    return childrenOf(childrenOf(tree, this.protocol)[0], 'server');
  }
}

/** A folder with `conf/media.conf` that goes away after the test. */
export class Site {
  readonly root = mkdtempSync(join(tmpdir(), 'mediad-site-'));
  readonly file = join(this.root, 'conf', 'media.conf');
  readonly pid = join(this.root, 'logs', 'mediad.pid');
  readonly log = join(this.root, 'logs', 'error.log');

  constructor(text: string) {
    mkdirSync(join(this.root, 'conf'));
    this.write(text);
    onTestFinished(() => rmSync(this.root, { recursive: true, force: true }));
  }

  write(text: string): void {
    writeFileSync(this.file, `error_log logs/error.log debug;\n${text}`);
  }

  path(name: string): string {
    return join(this.root, name);
  }
}

/** A daemon of this process with fake hosts. */
export interface Running {
  readonly daemon: Daemon;
  readonly rtmp: FakeHost;
  readonly http: FakeHost;
}

/** Starts a daemon that ends with the test; by default it does not watch its files. */
export async function startDaemon(site: Site, more: Partial<DaemonOptions> = {}): Promise<Running> {
  const hosts: { rtmp?: FakeHost; http?: FakeHost } = {};
  const daemon = await Daemon.start({
    config: { file: site.file, sources: fakeModules, ...more.config },
    hosts: (runtime) => {
      hosts.rtmp = new FakeHost('rtmp', runtime);
      hosts.http = new FakeHost('http', runtime);
      return { rtmp: hosts.rtmp, http: hosts.http };
    },
    version: '0',
    ...more,
  });
  onTestFinished(() => daemon.stop());
  return { daemon, rtmp: hosts.rtmp!, http: hosts.http! };
}

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
