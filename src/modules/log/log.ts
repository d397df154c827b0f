import { resolve } from 'node:path';
import { type Block, childrenOf, settingsOf } from '../../config/block.ts';
import type { Diagnostic } from '../../config/errors.ts';
import type { Settings } from '../../config/table.ts';
import type { Client } from '../../core/applications/request.ts';
import type { Subscription } from '../../core/applications/subscription.ts';
import type { LogFile } from '../../core/logs/log-files.ts';
import { type ApplicationContext, applicationService, type Module, type Service } from '../../core/module.ts';
import type { MediaSession } from '../../core/sessions.ts';
import { sessionLine } from './line.ts';
import { COMBINED, logTable, type SessionFormat } from './table.ts';
import type { SessionNote } from './variables.ts';

type LogSettings = Settings<typeof logTable>;

/** A log of sessions: who published and played what, for how long, and how much it was. */
export const logModule: Module = {
  name: 'log',
  tables: { application: logTable },
  check: checkFormats,
  application: applicationService(logTable, {
    enabled: (conf) => conf.access_log.some((log) => log !== null),
    start: (conf, context) => new SessionLogs(conf, context),
  }),
};

/** Formats that no log_format makes, and names that two of them have. */
function checkFormats(tree: Block): readonly Diagnostic[] {
  const findings: Diagnostic[] = [];
  const applications = childrenOf(tree, 'rtmp')
    .flatMap((rtmp) => childrenOf(rtmp, 'server'))
    .flatMap((server) => childrenOf(server, 'application'));
  for (const block of applications) {
    const { access_log: logs, log_format: formats } = settingsOf(block, logTable);
    const names = [COMBINED.name, ...formats.map(({ name }) => name)];
    for (const [directive, message] of [
      ...names
        .filter((name, index) => names.indexOf(name) !== index)
        .map((name) => ['log_format', `duplicate "log_format" name "${name}"`] as const),
      ...logs
        .flatMap((log) => (log === null || names.includes(log.format) ? [] : [log.format]))
        .map((name) => ['access_log', `unknown log format "${name}"`] as const),
    ]) {
      const at = block.origins[directive] ?? block.at;
      findings.push({ severity: 'error', code: 'session-log', message, at });
    }
  }
  return findings;
}

/** What has to be remembered of a client until its line is written. */
interface Session {
  readonly client: Client;
  readonly since: number;
  published: boolean;
  played: boolean;
  name: string;
  args: string;
  /** Of players without a connection's counters: bytes of those that have ended. */
  bytesBefore: number;
  readonly players: Set<Subscription>;
  /** Told in lines already. */
  told: { received: number; sent: number };
}

class SessionLogs implements Service<LogSettings> {
  readonly #context: ApplicationContext;
  readonly #most: number;
  readonly #outputs: readonly { readonly file: LogFile; readonly format: SessionFormat }[];
  readonly #sessions = new Map<Client, Session>();
  #timer: NodeJS.Timeout | undefined;

  constructor(conf: LogSettings, context: ApplicationContext) {
    this.#context = context;
    this.#most = conf.log_size;
    const formats = new Map([COMBINED, ...conf.log_format].map((format) => [format.name, format]));
    this.#outputs = conf.access_log.flatMap((log) => {
      if (log === null) return [];
      const file = context.logFiles.open(resolve(context.prefix, log.path));
      context.own(() => file.close());
      return [{ file, format: formats.get(log.format) ?? COMBINED }];
    });
    for (const one of context.application.publications) this.#publishes(one);
    for (const one of context.application.subscriptions) this.#plays(one);
    context.observe({
      published: (one) => this.#publishes(one),
      played: (one) => this.#plays(one),
      unplayed: (one) => this.#stops(one),
      left: (client) => this.#leaves(client),
    });
    if (conf.log_interval > 0) this.#timer = setInterval(() => this.#writeAll(), conf.log_interval);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #session(client: Client, since: number): Session {
    const known = this.#sessions.get(client);
    if (known !== undefined) return known;
    const session: Session = {
      client,
      since: client.since ?? since,
      published: false,
      played: false,
      name: '',
      args: '',
      bytesBefore: 0,
      players: new Set(),
      told: { received: 0, sent: 0 },
    };
    if (client.origin === 'client') this.#sessions.set(client, session);
    return session;
  }

  #uses({ request, since }: MediaSession): Session {
    const session = this.#session(request.client, since);
    session.name = request.name;
    session.args = request.args;
    return session;
  }

  #publishes(one: MediaSession): void {
    this.#uses(one).published = true;
  }

  #plays(one: Subscription): void {
    const session = this.#uses(one);
    session.played = true;
    session.players.add(one);
  }

  #stops(one: Subscription): void {
    const session = this.#sessions.get(one.request.client);
    if (session === undefined || !session.players.delete(one)) return;
    session.bytesBefore += one.counters.bytes;
  }

  #leaves(client: Client): void {
    if (client.origin !== 'client') return;
    const session = this.#session(client, Date.now());
    this.#sessions.delete(client);
    this.#write(session);
  }

  #writeAll(): void {
    for (const session of this.#sessions.values()) this.#write(session);
  }

  #write(session: Session): void {
    const { client, told } = session;
    let players = session.bytesBefore;
    for (const player of session.players) players += player.counters.bytes;
    const received = client.traffic?.bytesIn ?? 0;
    const sent = client.traffic?.bytesOut ?? players;
    const note: SessionNote = {
      ...session,
      app: this.#context.application.name,
      now: Date.now(),
      bytesReceived: received - told.received,
      bytesSent: sent - told.sent,
    };
    session.told = { received, sent };
    for (const { file, format } of this.#outputs) file.write(sessionLine(format, note, this.#most));
  }
}
