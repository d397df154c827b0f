import { statSync } from 'node:fs';
import { basename, extname } from 'node:path';
import type { FSWatcher } from 'chokidar';
import type { Logger } from '../core/logs/log.ts';

/** What the text of a configuration was read from. */
export interface Sources {
  /** Every file, the main one first, those needed last, also one that could not be read. Absolute. */
  readonly files: readonly string[];
  /** Those among them that are no text of the configuration, but count as much: keys and certificates. */
  readonly needs: readonly string[];
  /** The folders of the files and of the patterns that includes name. */
  readonly folders: readonly string[];
  /** Stands for the text of all files: equal where nothing has changed. */
  readonly digest: string;
}

/** Times in ms; the defaults are right for people and tools that write files. */
export interface WatchTimes {
  /** How long to wait for the end of a burst of events, and the most that a burst may put it off. */
  readonly debounce: number;
  readonly mostDebounce: number;
  /** Between the two looks that have to agree before a file counts as written. */
  readonly settle: number;
  /** How long a file may be missing before that counts as a change: some tools delete first and write then. */
  readonly missing: number;
  /** How often files are looked at without any event: network mounts and swapped folders send none. */
  readonly sweep: number;
}

const TIMES: WatchTimes = { debounce: 100, mostDebounce: 1000, settle: 100, missing: 1000, sweep: 2000 };

/**
 * Notices when the text of the configuration has changed and is completely written. Events of the file system are
 * only taken as a hint to look: their types are unreliable, and replaced folders send none. A change counts when two
 * looks at all files agree and their text is not the one known, so a touch or a half-written file is none.
 */
export class ConfigWatch {
  readonly #read: (known: Sources) => Promise<Sources>;
  readonly #changed: () => void;
  readonly #log: Logger;
  readonly #times: WatchTimes;
  #sources: Sources | undefined;
  /** The endings of the names of files that count, or may come to: a pattern includes more of its kind. */
  #endings = new Set<string>();
  /** `signatureOf` the sources when they were last read, and how many files were missing then. */
  #signature = '';
  #missing = 0;
  #hints: FSWatcher | undefined;
  #hinted = '';
  #sweep: NodeJS.Timeout | undefined;
  #timer: NodeJS.Timeout | undefined;
  #firstHintAt = 0;
  #looking = false;
  #again = false;
  #closed = false;

  /** `read` reads the text of the configuration anew, without side effects; `changed` is told when it differs. */
  constructor(
    read: (known: Sources) => Promise<Sources>,
    changed: () => void,
    log: Logger,
    times: Partial<WatchTimes> = {},
  ) {
    this.#read = read;
    this.#changed = changed;
    this.#log = log;
    this.#times = { ...TIMES, ...times };
  }

  /** Takes over what was just read; called after each attempt to load, also after one that failed. */
  follow(sources: Sources): void {
    if (this.#closed) return;
    this.#know(sources);
    // Whatever happened since the text was read is found by the next look.
    this.#signature = '';
    this.#sweep ??= setInterval(() => {
      if (this.#sources !== undefined && signatureOf(this.#sources) !== this.#signature) this.#hint();
    }, this.#times.sweep).unref();
  }

  /** Looks no more, until it has something to follow again. */
  rest(): void {
    this.#sources = undefined;
    clearInterval(this.#sweep);
    this.#sweep = undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    void this.#hints?.close();
    this.#hints = undefined;
    this.#hinted = '';
  }

  close(): void {
    this.rest();
    this.#closed = true;
  }

  #know(sources: Sources): void {
    this.#sources = sources;
    this.#endings = new Set(
      sources.files.filter((path) => !sources.needs.includes(path)).map((path) => extname(path)),
    );
    void this.#watchFolders([...new Set(sources.folders)].sort());
  }

  async #watchFolders(folders: readonly string[]): Promise<void> {
    const wanted = folders.join('\0');
    if (wanted === this.#hinted) return;
    this.#hinted = wanted;
    const { watch } = await import('chokidar');
    if (this.#hinted !== wanted) return;
    void this.#hints?.close();
    const known = new Set(folders);
    const hints = watch([...folders], {
      depth: 0,
      ignoreInitial: true,
      atomic: false,
      ignored: (path) => !known.has(path) && !this.#interesting(path),
    });
    hints.on('all', () => this.#hint());
    hints.on('ready', () => this.#hint());
    hints.on('error', (error) =>
      this.#log.warn({ err: error }, 'files send no events, so they are only looked at every two seconds'),
    );
    this.#hints = hints;
  }

  /** A folder may hold thousands of other files; names with two dots are the moving links of Kubernetes volumes. */
  #interesting(path: string): boolean {
    return basename(path).startsWith('..') || this.#endings.has(extname(path));
  }

  #hint(): void {
    if (this.#closed) return;
    if (this.#looking) {
      this.#again = true;
      return;
    }
    const now = performance.now();
    if (this.#timer === undefined) this.#firstHintAt = now;
    clearTimeout(this.#timer);
    const left = this.#firstHintAt + this.#times.mostDebounce - now;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        void this.#look();
      },
      Math.max(0, Math.min(this.#times.debounce, left)),
    );
  }

  async #look(): Promise<void> {
    this.#looking = true;
    this.#again = false;
    const signature = await this.#settle();
    const known = this.#sources;
    const sources =
      known !== undefined && signature !== this.#signature ? await this.#read(known) : undefined;
    this.#looking = false;
    if (this.#sources === undefined) return;
    if (this.#sources !== known) {
      // There was a reload meanwhile, which may have read an older text.
      this.#again = true;
    } else if (sources !== undefined) {
      this.#know(sources);
      this.#missing = countMissing(signature);
      // Kept only for the same set of files; another one is looked at once more.
      this.#signature = sources.files.join() === known.files.join() ? signature : '';
      if (sources.digest !== known.digest) this.#changed();
    }
    if (this.#again) this.#hint();
  }

  /** Waits until two looks at all files agree, and gives what they saw. */
  async #settle(): Promise<string> {
    const since = performance.now();
    let before = '';
    for (;;) {
      const now = this.#sources === undefined ? '' : signatureOf(this.#sources);
      const patient = countMissing(now) > this.#missing && performance.now() - since < this.#times.missing;
      if (this.#sources === undefined || (now === before && !patient)) return now;
      before = now;
      await new Promise((resolve) => setTimeout(resolve, this.#times.settle));
    }
  }
}

const MISSING = 'missing';

/** Changes whenever a file is written, replaced or swapped through a link on its path, or a name joins a folder. */
function signatureOf(sources: Sources): string {
  return [...sources.files, ...sources.folders]
    .map((path) => {
      try {
        const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
        return `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`;
      } catch {
        return MISSING;
      }
    })
    .join(' ');
}

function countMissing(signature: string): number {
  return signature.split(' ').filter((part) => part === MISSING).length;
}
