import { settingsOf } from '../config/block.ts';
import type { Application } from '../core/applications/application.ts';
import type { Claim, Elsewhere } from '../core/applications/elsewhere.ts';
import { Refused } from '../core/applications/refused.ts';
import type { Hub } from '../core/hub.ts';
import { mainTable } from '../core/main.ts';
import { ownStreams } from '../core/own-streams.ts';
import type { Runtime } from '../core/runtime.ts';
import { applicationOf, keyOf, keyText, type StreamKey } from '../core/stream-key.ts';
import type { WorkerHandler } from '../core/workers/workers.ts';
import { isPlayed, Mirror } from './mirror.ts';
import { CLAIMS, type ClaimOrder, type Moved } from './topics.ts';

/** The talk with the primary. */
export interface PrimaryLine {
  /** The number of this worker. */
  readonly index: number;
  /** Rejects where the primary has no answer. */
  ask<T>(topic: string, body: unknown, patience?: number): Promise<T>;
  tell(topic: string, body: unknown): void;
  answer(topic: string, handler: WorkerHandler): void;
}

/** How long a worker waits for another that brings a stream, ms: a little longer than that one waits for its source. */
const BRING_MS = 12_000;

/** How long it may take a publisher of this worker to begin once it has the name, ms. */
const BEGIN_MS = 1000;

/** The streams of the other workers, as far as players here want them, and what the others have to know of ours. */
export class OtherWorkers implements Elsewhere {
  readonly identity: string;
  readonly #line: PrimaryLine;
  readonly #path: (worker: number) => string;
  readonly #mirrors = new Map<string, Mirror>();
  /** Players for whom a stream is being brought, to be told where it is published meanwhile. */
  readonly #arrivals = new Map<string, Set<(owner: number) => void>>();
  #runtime: Runtime | undefined;

  /** `path`: where a worker listens for the others; `identity` as `Elsewhere` has it. */
  constructor(line: PrimaryLine, path: (worker: number) => string, identity: string) {
    this.identity = identity;
    this.#line = line;
    this.#path = path;
    line.answer(CLAIMS.hearOut, (body) => this.#hearOut(body as StreamKey));
    line.answer(CLAIMS.yield, (body) => this.#yield(body as StreamKey));
    line.answer(CLAIMS.moved, (body) => this.#moved(body as Moved));
  }

  /** The applications it is for. */
  attach(runtime: Runtime): void {
    this.#runtime = runtime;
  }

  /** A configuration was applied: names may be known by other keys. */
  reapplied(): void {
    const { hub } = this;
    const owned = [...hub.applications()].flatMap((application) =>
      ownStreams(application).flatMap(({ name }) => keyOf(hub, application, name) ?? []),
    );
    this.#line.tell(CLAIMS.owned, owned);
  }

  get hub(): Hub {
    if (this.#runtime === undefined) throw new Error('there is no runtime yet');
    return this.#runtime.hub;
  }

  async claim(application: Application, name: string, takeover: boolean): Promise<Claim> {
    const key = this.#keyOf(application, name);
    const order: ClaimOrder = { key, takeover };
    if (!(await this.#decide(CLAIMS.claim, order))) throw new Refused('busy', 'Already publishing');
    let taken = false;
    return {
      take: async () => {
        if (!(await this.#decide(CLAIMS.take, key))) throw new Refused('busy', 'Already publishing');
        taken = true;
      },
      release: () => this.#line.tell(taken ? CLAIMS.ended : CLAIMS.release, key),
    };
  }

  vacant(application: Application, name: string): void {
    this.#tell(CLAIMS.vacant, application, name);
  }

  ended(application: Application, name: string): void {
    this.#tell(CLAIMS.ended, application, name);
  }

  async bring(application: Application, name: string, ours: () => Promise<boolean>): Promise<boolean> {
    const key = this.#keyOf(application, name);
    const owner = this.#mirrors.has(keyText(key)) ? 0 : await this.#locate(key);
    if (this.#mirrors.has(keyText(key)) || (owner !== 0 && owner !== this.#line.index)) {
      await this.#mirror(application, key, owner).ask();
      return true;
    }
    if (owner !== 0 && (await appears(application, name))) return true;
    // Whatever is asked for the stream here may have it published at another worker.
    let arrived: (owner: number) => void = () => undefined;
    const arrival = new Promise<number>((resolve) => {
      arrived = resolve;
    });
    const arrivals = this.#arrivals.get(keyText(key)) ?? new Set();
    this.#arrivals.set(keyText(key), arrivals.add(arrived));
    try {
      const coming = await Promise.race([ours(), arrival]);
      if (typeof coming === 'number') await this.#mirror(application, key, coming).ask();
      if (coming === false) this.#line.tell(CLAIMS.missed, key);
      return coming !== false;
    } catch (error) {
      this.#line.tell(CLAIMS.missed, key);
      throw error;
    } finally {
      arrivals.delete(arrived);
      if (arrivals.size === 0) this.#arrivals.delete(keyText(key));
    }
  }

  /** It may have been published between the question for it and the player's taking a seat. */
  awaited(application: Application, name: string): void {
    const key = keyOf(this.hub, application, name);
    if (key === undefined) return;
    void this.#line.ask<number>(CLAIMS.owner, key).then(
      (owner) => {
        if (owner !== 0 && owner !== this.#line.index && isPlayed(application, name)) {
          this.#mirror(application, key, owner);
        }
      },
      () => undefined,
    );
  }

  unplayed(application: Application, name: string): void {
    if (this.#mirrors.size === 0) return;
    const key = keyOf(this.hub, application, name);
    if (key !== undefined) this.#mirrors.get(keyText(key))?.release();
  }

  close(): void {
    for (const mirror of [...this.#mirrors.values()]) mirror.close('the server stops');
  }

  #keyOf(application: Application, name: string): StreamKey {
    const key = keyOf(this.hub, application, name);
    if (key === undefined) throw new Refused('not-found', 'no such application');
    return key;
  }

  /** Waits while another worker brings the stream. */
  async #locate(key: StreamKey): Promise<number> {
    try {
      return await this.#line.ask<number>(CLAIMS.locate, key, BRING_MS);
    } catch {
      return 0;
    }
  }

  /** A primary that does not answer is gone or overloaded: nobody can be let in without it. */
  async #decide(topic: string, body: unknown): Promise<boolean> {
    try {
      return await this.#line.ask<boolean>(topic, body);
    } catch {
      throw new Refused('overloaded', 'the server does not know whether the name is free');
    }
  }

  #tell(topic: string, application: Application, name: string): void {
    const key = keyOf(this.hub, application, name);
    if (key !== undefined) this.#line.tell(topic, key);
  }

  #mirror(application: Application, key: StreamKey, owner: number): Mirror {
    const text = keyText(key);
    const known = this.#mirrors.get(text);
    if (known !== undefined) return known;
    const mirror: Mirror = new Mirror(
      {
        application,
        key,
        path: this.#path,
        reconnect: () => {
          const tree = this.#runtime?.reloads.tree;
          return tree === undefined ? 0 : settingsOf(tree, mainTable).rtmp_auto_push_reconnect;
        },
        closed: () => {
          if (this.#mirrors.get(text) === mirror) this.#mirrors.delete(text);
        },
      },
      owner,
    );
    this.#mirrors.set(text, mirror);
    return mirror;
  }

  async #hearOut(key: StreamKey): Promise<void> {
    await applicationOf(this.hub, key)?.hearOut(key.name);
  }

  #yield(key: StreamKey): void {
    applicationOf(this.hub, key)?.yield(key.name);
  }

  #moved({ key, owner, mayReturn }: Moved): void {
    const application = applicationOf(this.hub, key);
    if (application === undefined) return;
    const mirror = this.#mirrors.get(keyText(key));
    if (owner !== 0) for (const arrived of this.#arrivals.get(keyText(key)) ?? []) arrived(owner);
    if (owner === 0) {
      mirror?.close('the stream has ended');
      application.forsake(key.name, mayReturn);
    } else if (mirror !== undefined) mirror.move(owner);
    else if (isPlayed(application, key.name)) this.#mirror(application, key, owner);
    else application.forsake(key.name, false);
  }
}

/** Waits for a stream whose publisher has the name already; false where it does not begin after all. */
function appears(application: Application, name: string): Promise<boolean> {
  if (application.has(name)) return Promise.resolve(true);
  return new Promise((resolve) => {
    const end = (there: boolean): void => {
      clearTimeout(timer);
      undo();
      resolve(there);
    };
    const timer = setTimeout(() => end(false), BEGIN_MS);
    const undo = application.observe({
      published: ({ stream }) => {
        if (stream.name === name) end(true);
      },
    });
  });
}
