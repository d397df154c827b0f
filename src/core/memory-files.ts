/** A small file held in memory, byte for byte what stands (or will stand) on disk under the same path. */
export interface MemoryFile {
  readonly body: Buffer;
  /** Media type, such as `video/mp2t`. */
  readonly type: string;
  /** Modification time, ms of the wall clock. */
  readonly mtime: number;
  /** Told who has been given it, and how many bytes of it. */
  readonly visited?: (who: string, bytes: number) => void;
}

/**
 * Segments and playlists just made, by absolute path. HTTP locations whose `root` or `alias` leads to such a path
 * answer from here: many times cheaper than streaming the file, and independent of the disk.
 */
export class MemoryFiles {
  readonly #files = new Map<string, MemoryFile>();
  #bytes = 0;

  get(path: string): MemoryFile | undefined {
    return this.#files.get(path);
  }

  put(path: string, file: MemoryFile): void {
    this.delete(path);
    this.#files.set(path, file);
    this.#bytes += file.body.length;
  }

  delete(path: string): void {
    const known = this.#files.get(path);
    if (known === undefined) return;
    this.#files.delete(path);
    this.#bytes -= known.body.length;
  }

  get count(): number {
    return this.#files.size;
  }

  /** Bytes of all bodies. */
  get bytes(): number {
    return this.#bytes;
  }
}
