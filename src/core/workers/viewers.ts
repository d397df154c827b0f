import { shareOf } from '../net/networks.ts';
import { addressOf } from '../streams/visitors.ts';
import { Board } from './board.ts';
import type { Workers } from './workers.ts';

/** An application, as statistics name it. */
export interface ViewerPlace {
  readonly server: string;
  readonly name: string;
}

/** Members of groups, each with the workers that know of it. */
class Groups {
  readonly #groups = new Map<string, Map<string, Set<number>>>();

  add(group: string, member: string, worker: number): void {
    const members = this.#groups.get(group) ?? new Map<string, Set<number>>();
    this.#groups.set(group, members);
    const workers = members.get(member) ?? new Set<number>();
    members.set(member, workers);
    workers.add(worker);
  }

  remove(group: string, member: string, worker: number): void {
    const members = this.#groups.get(group);
    const workers = members?.get(member);
    if (members === undefined || workers === undefined) return;
    workers.delete(worker);
    if (workers.size === 0) members.delete(member);
    if (members.size === 0) this.#groups.delete(group);
  }

  has(group: string, member: string): boolean {
    return this.#groups.get(group)?.has(member) === true;
  }

  size(group: string): number {
    return this.#groups.get(group)?.size ?? 0;
  }
}

/**
 * Those who fetch streams as files now and so have no session, in all workers: one who asks several of them counts once.
 * What tells them apart is as `visitorOf` gives it.
 */
export class Viewers {
  readonly #worker: number;
  readonly #board: Board<true>;
  readonly #byStream = new Groups();
  readonly #byAddress = new Groups();

  constructor(workers: Workers) {
    this.#worker = workers.index;
    this.#board = new Board(workers, 'viewers', (worker, key, there) => this.#note(worker, key, there));
  }

  came({ server, name }: ViewerPlace, stream: string, who: string): void {
    const key = JSON.stringify([server, name, stream, who]);
    this.#note(this.#worker, key, true);
    this.#board.set(key, true);
  }

  left({ server, name }: ViewerPlace, stream: string, who: string): void {
    const key = JSON.stringify([server, name, stream, who]);
    this.#note(this.#worker, key, undefined);
    this.#board.delete(key);
  }

  #note(worker: number, key: string, there: true | undefined): void {
    const [server, name, stream, who] = JSON.parse(key) as [string, string, string, string];
    const change = there === undefined ? 'remove' : 'add';
    this.#byStream[change](JSON.stringify([server, name, stream]), who, worker);
    const share = JSON.stringify([server, name, shareOf(addressOf(who))]);
    this.#byAddress[change](share, JSON.stringify([stream, who]), worker);
  }

  /** Whether somebody views a stream, by this worker or another one. */
  isThere({ server, name }: ViewerPlace, stream: string, who: string): boolean {
    return this.#byStream.has(JSON.stringify([server, name, stream]), who);
  }

  /** How many view a stream. */
  ofStream({ server, name }: ViewerPlace, stream: string): number {
    return this.#byStream.size(JSON.stringify([server, name, stream]));
  }

  /** How many streams of an application are viewed from an address, as `shareOf` gives it. */
  ofAddress({ server, name }: ViewerPlace, share: string): number {
    return this.#byAddress.size(JSON.stringify([server, name, share]));
  }
}
