import type { Block } from '../config/block.ts';
import type { Application } from './applications/application.ts';
import { Gates } from './applications/gates.ts';
import { Refused } from './applications/refused.ts';
import type { Client } from './applications/request.ts';
import type { Listen } from './net/addresses.ts';
import type { Services } from './services.ts';

/** One `server` block of `rtmp`, as written. */
export interface ServerSpec {
  readonly listens: readonly Listen[];
  readonly names: readonly string[];
  readonly block: Block;
  readonly applications: readonly Block[];
}

/** A wish to use an application: the connect command, or the HTTP request that stands for one. Gates may change `name`. */
export interface ConnectRequest {
  readonly action: 'connect';
  readonly client: Client;
  readonly server: RtmpServer;
  /** The application's name. */
  name: string;
}

export type ConnectGate = (request: ConnectRequest) => void | Promise<void>;

/** Told about connections after the fact; must not throw. */
export interface ConnectionObserver {
  connected?(client: Client): void;
  /** Once for each client that was connected. */
  disconnected?(client: Client): void;
  /** Not let in after all, by whichever gate, or since there is no such application. */
  refused?(client: Client): void;
}

/** An application with the services its block runs. */
export interface Member {
  /** As written. */
  block: Block;
  readonly application: Application;
  readonly services: Services<unknown>;
}

/** An RTMP server that lives across reloads with the applications of its block. */
export class RtmpServer {
  spec: ServerSpec;
  readonly members = new Map<string, Member>();
  readonly gates = new Gates<ConnectRequest>();
  readonly #observers = new Set<ConnectionObserver>();
  readonly #clients = new Map<Client, Application>();

  constructor(spec: ServerSpec) {
    this.spec = spec;
  }

  /** Shown in logs, reports and statistics: its first name, or its first address. */
  get label(): string {
    return labelOf(this.spec);
  }

  get names(): readonly string[] {
    return this.spec.names;
  }

  /** With the application each has connected to. */
  get clients(): ReadonlyMap<Client, Application> {
    return this.#clients;
  }

  application(name: string): Application | undefined {
    return this.members.get(name)?.application;
  }

  observe(observer: ConnectionObserver): () => void {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  }

  /** Asks the gates and gives the application. Throws Refused. To be paired with `disconnect`. */
  async connect(client: Client, name: string): Promise<Application> {
    const request: ConnectRequest = { action: 'connect', client, server: this, name };
    const application = await this.#admit(request);
    this.#clients.set(client, application);
    for (const observer of this.#observers) observer.connected?.(client);
    return application;
  }

  async #admit(request: ConnectRequest): Promise<Application> {
    try {
      await this.gates.pass(request);
      const application = this.application(request.name);
      if (application === undefined) throw new Refused('not-found', 'no such application');
      this.gates.confirm(request);
      return application;
    } catch (error) {
      for (const observer of this.#observers) observer.refused?.(request.client);
      throw error;
    }
  }

  /** It is no longer in the configuration, or everything stops: no client of it is left. */
  close(): void {
    for (const client of [...this.#clients.keys()]) this.disconnect(client);
  }

  /** The client has gone; nothing happens for one that was not let in. */
  disconnect(client: Client): void {
    const application = this.#clients.get(client);
    if (application === undefined) return;
    this.#clients.delete(client);
    for (const observer of this.#observers) observer.disconnected?.(client);
    application.leave(client);
  }
}

/** The label of a server block: its first name, or its first address. */
export function labelOf(spec: ServerSpec): string {
  const name = spec.names.find((candidate) => candidate !== '');
  const listen = spec.listens[0];
  const address = listen === undefined ? 'rtmp' : listen.path !== '' ? listen.key : `rtmp:${listen.port}`;
  return name === undefined ? address : `${address}/${name}`;
}
