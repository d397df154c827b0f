import type { Publication } from '../../core/applications/publication.ts';
import { Refused } from '../../core/applications/refused.ts';
import type { PlayRequest } from '../../core/applications/request.ts';
import type { Subscription } from '../../core/applications/subscription.ts';
import type { Children } from './children.ts';
import type { Command } from './command.ts';

/** How long a player may take from being let in by the origins to playing, ms. */
const ARRIVAL_MS = 1000;
/** How long a program may take until it publishes, for a player that cannot wait, ms. */
const PUBLISH_MS = 10_000;

/** What somebody wants to play, and what runs to bring it. */
interface Demand {
  players: number;
  readonly children: Children;
  readonly waiting: Set<() => void>;
}

/** The programs that bring streams while somebody plays them. */
export class Pulls {
  readonly #demands = new Map<string, Demand>();
  /** Players that the stream was asked for and that do not play yet; what lets go of it again. */
  readonly #coming = new Map<PlayRequest, () => void>();
  readonly #commands: (name: string) => readonly Command[];
  readonly #published: (name: string) => boolean;
  readonly #make: () => Children;

  /** `commands` of a name, none where nothing brings it; `published`: somebody publishes it. */
  constructor(
    commands: (name: string) => readonly Command[],
    published: (name: string) => boolean,
    make: () => Children,
  ) {
    this.#commands = commands;
    this.#published = published;
    this.#make = make;
  }

  /** An origin of the application. */
  fetch(request: PlayRequest, mayWait: boolean): Promise<void> | null {
    const { name } = request;
    if (this.#commands(name).length === 0) return null;
    this.#want(name);
    let timer: NodeJS.Timeout;
    const release = (): void => {
      clearTimeout(timer);
      if (this.#coming.delete(request)) this.#unwant(name);
    };
    this.#coming.set(request, release);
    const arrive = (): void => {
      timer = setTimeout(release, ARRIVAL_MS);
    };
    if (mayWait) {
      arrive();
      return Promise.resolve();
    }
    const { waiting } = this.#demands.get(name)!;
    return new Promise((resolve, reject) => {
      const come = (): void => {
        clearTimeout(timer);
        waiting.delete(come);
        arrive();
        resolve();
      };
      timer = setTimeout(() => {
        waiting.delete(come);
        release();
        reject(new Refused('not-found', 'the program does not publish the stream'));
      }, PUBLISH_MS);
      waiting.add(come);
    });
  }

  published({ stream }: Publication): void {
    for (const come of this.#demands.get(stream.name)?.waiting ?? []) come();
  }

  /** Nobody publishes the name any more, so who plays it may need a program. */
  ended(name: string): void {
    const demand = this.#demands.get(name);
    if (demand !== undefined && demand.players > 0) demand.children.reconcile(this.#commands(name));
  }

  /** Another worker takes the stream from here, as one player. */
  lent(name: string): void {
    this.#want(name);
  }

  returned(name: string): void {
    this.#unwant(name);
  }

  played({ stream, request }: Subscription): void {
    this.#want(stream.name);
    this.#coming.get(request)?.();
  }

  unplayed({ stream }: Subscription): void {
    this.#unwant(stream.name);
  }

  /** The lines have changed: what runs is brought in step, and what a name had none for begins. */
  update(): void {
    for (const [name, demand] of this.#demands) {
      if (demand.players > 0 && !(demand.children.idle && this.#published(name))) {
        demand.children.reconcile(this.#commands(name));
      }
    }
  }

  close(): void {
    for (const release of this.#coming.values()) release();
    for (const { children } of this.#demands.values()) children.close();
    this.#demands.clear();
  }

  #want(name: string): void {
    let demand = this.#demands.get(name);
    if (demand === undefined) {
      demand = { players: 0, children: this.#make(), waiting: new Set() };
      this.#demands.set(name, demand);
    }
    demand.players += 1;
    if (demand.players === 1 && !this.#published(name)) demand.children.reconcile(this.#commands(name));
  }

  #unwant(name: string): void {
    const demand = this.#demands.get(name);
    if (demand === undefined || demand.players === 0) return;
    demand.players -= 1;
    if (demand.players > 0) return;
    demand.children.close();
    this.#forget();
  }

  /** Names that nobody plays are kept only as long as their programs are ending. */
  #forget(): void {
    for (const [name, { players, children }] of this.#demands) {
      if (players === 0 && children.idle) this.#demands.delete(name);
    }
  }
}
