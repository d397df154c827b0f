import { dirname } from 'node:path';
import type { Logger } from '../logs/log.ts';
import { Board } from './board.ts';
import { alone, type Workers } from './workers.ts';

/** A small file held in memory, byte for byte what stands (or will stand) on disk under the same path. */
export interface MemoryFile {
  readonly body: Buffer;
  /** Media type, such as `video/mp2t`. */
  readonly type: string;
  /** Modification time, ms of the wall clock. */
  readonly mtime: number;
  /** Told who has been given it, and how many bytes of it. */
  readonly visited?: (who: string, bytes: number) => void;
  /** A shorter form of a long body, from which another worker could go on where this one dies. */
  readonly brief?: () => Buffer;
}

/** What other workers are told of a file; a short one comes with its body. */
interface Note {
  readonly type: string;
  readonly mtime: number;
  readonly body: Uint8Array | null;
  /** Of a body that is not told. */
  readonly brief: Uint8Array | null;
}

/** A file that another worker holds. */
interface Foreign {
  readonly worker: number;
  readonly note: Note;
  /** Once the body is here. */
  file: MemoryFile | null;
  /** While it is on its way. */
  coming: Promise<MemoryFile | undefined> | null;
}

/** Somebody was given a file of another worker. */
type Visit = readonly [path: string, who: string, bytes: number];

const ASK = 'file';
const VISITS = 'file visits';
/** Bodies up to this are told with the file: playlists and keys, which everybody asks for. */
const TOLD_BYTES = 32 * 1024;
/** Visits are told this often, ms, and so many at most. */
const VISITS_MS = 500;
const MOST_VISITS = 20_000;
/** What was told of the files of a worker that has died is kept this long, ms, unless somebody makes them anew. */
const REMAINS_MS = 600_000;
/** Searches for a file that nobody has told of, at a time. */
const MOST_SEARCHES = 64;
/** Somebody who asks for a file. */
export interface FileVisitor {
  readonly address: string;
  /** What tells him apart from others; see `visitorOf`. */
  readonly who: string;
  /** The query of his request, without `?`. */
  readonly args: string;
  readonly log: Logger;
}

/** Asked before a file is given to somebody, whether it is there or not; may wait for it. Throws Refused. */
export type FileGuard = (path: string, visitor: FileVisitor) => Promise<void> | undefined;

/**
 * Segments and playlists just made, by absolute path. HTTP locations whose `root` or `alias` leads to such a path
 * answer from here: many times cheaper than streaming the file, and independent of the disk. Every worker knows of the
 * files of all: short ones have come with the news, longer ones are fetched from their worker once, when first asked for.
 */
export class MemoryFiles {
  readonly #workers: Workers;
  readonly #files = new Map<string, MemoryFile>();
  readonly #board: Board<Note>;
  readonly #foreign = new Map<string, Foreign>();
  /** Short files of workers that have died, as those who were told of them remember them. */
  readonly #remains: Board<Note>;
  /** How many files of others there are in each folder. */
  readonly #folders = new Map<string, number>();
  /** By folder, with a slash at the end. */
  readonly #guards = new Set<{ readonly folder: string; readonly guard: FileGuard }>();
  #visits: Visit[] = [];
  #searches = 0;
  #bytes = 0;

  constructor(workers: Workers = alone) {
    this.#workers = workers;
    this.#remains = new Board(workers, 'files left');
    // Before the board forgets them.
    workers.gone((worker) => this.#inherit(worker));
    this.#board = new Board(workers, 'files', (worker, path, note) => this.#heard(worker, path, note));
    workers.answer(ASK, (path) => this.#sent(path as string));
    workers.answer(VISITS, (visits) => this.#visited(visits as readonly Visit[]));
  }

  /** A file of this worker as it is sent to another one. */
  #sent(path: string): Omit<MemoryFile, 'visited'> | undefined {
    const file = this.#files.get(path);
    return file === undefined ? undefined : { body: file.body, type: file.type, mtime: file.mtime };
  }

  /** Has a guard asked for whatever is below an absolute folder, until it is undone. */
  guard(folder: string, guard: FileGuard): () => void {
    const entry = { folder: folder.endsWith('/') ? folder : `${folder}/`, guard };
    this.#guards.add(entry);
    return () => this.#guards.delete(entry);
  }

  /** Asks the guards of a path. Undefined where there is nothing to wait for; throws Refused. */
  admit(path: string, visitor: FileVisitor): Promise<void> | undefined {
    let all: Promise<void> | undefined;
    for (const { folder, guard } of this.#guards) {
      if (!path.startsWith(folder)) continue;
      const one = guard(path, visitor);
      if (one !== undefined) all = all === undefined ? one : all.then(() => one);
    }
    return all;
  }

  get guarded(): boolean {
    return this.#guards.size > 0;
  }

  /** A file that is here. */
  get(path: string): MemoryFile | undefined {
    return this.#foreign.get(path)?.file ?? this.#files.get(path);
  }

  /** Whether this worker or another one holds it. */
  has(path: string): boolean {
    return this.#files.has(path) || this.#foreign.has(path);
  }

  /** Another worker was the last to make it. */
  isForeign(path: string): boolean {
    return this.#foreign.has(path);
  }

  /**
   * A file that nobody holds any more as a worker that has died told of it last, to each worker that lives, be it in brief:
   * players may have seen what the disk never got.
   */
  remains(path: string): readonly Omit<MemoryFile, 'visited' | 'brief'>[] {
    const own = this.#remains.own(path);
    const notes = [...(own === undefined ? [] : [own]), ...this.#remains.others(path)];
    return notes.flatMap(({ body, brief, type, mtime }) => {
      const known = body ?? brief;
      return known === null ? [] : [{ body: bufferOf(known), type, mtime }];
    });
  }

  #inherit(worker: number): void {
    const left = [...this.#foreign].filter(
      ([, { worker: of, note }]) => of === worker && (note.body ?? note.brief) !== null,
    );
    if (left.length === 0) return;
    for (const [path, { note }] of left) this.#remains.set(path, note);
    const forget = (): void => {
      for (const [path, { note }] of left) if (this.#remains.own(path) === note) this.#remains.delete(path);
    };
    setTimeout(forget, REMAINS_MS).unref();
  }

  put(path: string, file: MemoryFile): void {
    this.#drop(path);
    this.#remains.delete(path);
    this.#forget(path);
    this.#files.set(path, file);
    this.#bytes += file.body.length;
    if (this.#workers === alone) return;
    const { body, type, mtime } = file;
    const told = body.length <= TOLD_BYTES;
    const brief = told ? null : (file.brief?.() ?? null);
    this.#board.set(path, { type, mtime, body: told ? body : null, brief });
  }

  /** Takes a file of this worker out. */
  delete(path: string): void {
    this.#drop(path);
    this.#board.delete(path);
  }

  #drop(path: string): void {
    const known = this.#files.get(path);
    if (known === undefined) return;
    this.#files.delete(path);
    this.#bytes -= known.body.length;
  }

  get count(): number {
    return this.#files.size;
  }

  /** Bytes of all bodies of this worker's own files. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A file that another worker holds, which has it sent; undefined where none has told of it. */
  fetch(path: string): Promise<MemoryFile | undefined> | undefined {
    const foreign = this.#foreign.get(path);
    if (foreign === undefined) return undefined;
    foreign.coming ??= this.#fetch(path, foreign);
    return foreign.coming;
  }

  async #fetch(path: string, foreign: Foreign): Promise<MemoryFile | undefined> {
    const [found] = await this.#workers.ask<MemoryFile | undefined>(ASK, path, foreign.worker);
    foreign.coming = null;
    if (found?.answer === undefined) return undefined;
    foreign.file = this.#fileOf(path, found.answer, found.answer.body);
    return foreign.file;
  }

  /**
   * Asks all workers for a file that none has told of, where others have files in its folder: what one client knows from
   * another worker may be known here a moment later only.
   */
  async search(path: string): Promise<MemoryFile | undefined> {
    if (!this.#folders.has(dirname(path)) || this.#searches >= MOST_SEARCHES) return undefined;
    this.#searches += 1;
    const answers = await this.#workers.ask<MemoryFile | undefined>(ASK, path);
    this.#searches -= 1;
    const found = answers.find(({ answer }) => answer !== undefined)?.answer;
    return this.get(path) ?? (found === undefined ? undefined : this.#fileOf(path, found, found.body));
  }

  #fileOf(path: string, { type, mtime }: Pick<Note, 'type' | 'mtime'>, body: Uint8Array): MemoryFile {
    return {
      body: bufferOf(body),
      type,
      mtime,
      visited: (who, bytes) => this.#visit([path, who, bytes]),
    };
  }

  #heard(worker: number, path: string, note: Note | undefined): void {
    const known = this.#foreign.get(path);
    if (note === undefined) {
      if (known?.worker === worker) this.#forget(path);
      return;
    }
    // Told again, as to a worker that has just begun: what was fetched is still good.
    if (known?.worker === worker && known.note.mtime === note.mtime && note.body === null) return;
    this.#forget(path);
    this.delete(path);
    this.#remains.delete(path);
    const file = note.body === null ? null : this.#fileOf(path, note, note.body);
    this.#foreign.set(path, { worker, note, file, coming: null });
    const folder = dirname(path);
    this.#folders.set(folder, (this.#folders.get(folder) ?? 0) + 1);
  }

  #forget(path: string): void {
    if (!this.#foreign.delete(path)) return;
    const folder = dirname(path);
    const left = (this.#folders.get(folder) ?? 0) - 1;
    if (left > 0) this.#folders.set(folder, left);
    else this.#folders.delete(folder);
  }

  #visit(visit: Visit): void {
    if (this.#visits.length === 0) setTimeout(() => this.#tellVisits(), VISITS_MS).unref();
    if (this.#visits.length < MOST_VISITS) this.#visits.push(visit);
  }

  #tellVisits(): void {
    const visits = this.#visits;
    this.#visits = [];
    this.#workers.tell(VISITS, visits);
  }

  #visited(visits: readonly Visit[]): void {
    for (const [path, who, bytes] of visits) this.#files.get(path)?.visited?.(who, bytes);
  }
}

/** The same bytes. */
function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
