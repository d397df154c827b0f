import { relative, resolve, sep } from 'node:path';
import { checkName } from '../../core/applications/names.ts';
import { Refused } from '../../core/applications/refused.ts';
import type { Client, PlayRequest } from '../../core/applications/request.ts';
import type { Subscription } from '../../core/applications/subscription.ts';
import { maskedName } from '../../core/logs/log.ts';
import type { ApplicationContext } from '../../core/module.ts';
import { Visitors } from '../../core/streams/visitors.ts';
import type { FileVisitor } from '../../core/workers/memory-files.ts';
import type { HlsSettings } from './table.ts';

/** How long a viewer waits for the first segment of a stream that has just come from elsewhere, ms. */
const FIRST_SEGMENT_MS = 10_000;
/** How often the lists of other workers are looked at meanwhile, ms. */
const OTHERS_MS = 300;
/** How often it is seen whether a stream still has viewers, ms. */
const LOOK_MS = 5000;
const MOST_NAMES = 1000;
/** Streams that may be on their way here for viewers at the same time. */
const MOST_COMING = 64;

/** What is known of a stream's files. */
export interface ViewedOutput {
  /** The playlist lists something of the present publisher. */
  readonly current: boolean;
}

/** A stream that is kept here for its viewers, by one player of the server's own. */
interface Kept {
  readonly coming: Promise<Subscription>;
  subscription?: Subscription;
}

/**
 * Who watches by HLS, as far as it matters before a playlist is given out: limits of players hold for them, and a
 * stream that is fetched from elsewhere comes and stays for them. No callback or rule of playing is asked: whom a
 * location serves is up to the location.
 */
export class HlsViewers {
  readonly #context: ApplicationContext;
  readonly #conf: () => HlsSettings;
  readonly #outputs: ReadonlyMap<string, ViewedOutput>;
  readonly #isMaster: (path: string) => boolean;
  /** What paths have been found to be, since the same ones are asked for again and again. */
  readonly #names = new Map<string, string | null>();
  /** Those who have been let in, by stream. */
  readonly #seen = new Map<string, Visitors>();
  readonly #kept = new Map<string, Kept>();
  /** Wait for something to be listed, by stream. */
  readonly #waiting = new Map<string, Set<() => void>>();

  constructor(
    context: ApplicationContext,
    conf: () => HlsSettings,
    outputs: ReadonlyMap<string, ViewedOutput>,
    isMaster: (path: string) => boolean,
  ) {
    this.#context = context;
    this.#conf = conf;
    this.#outputs = outputs;
    this.#isMaster = isMaster;
    const timer = setInterval(() => this.#look(), LOOK_MS);
    timer.unref();
    context.own(() => {
      clearInterval(timer);
      for (const { subscription } of this.#kept.values()) subscription?.close();
      this.#kept.clear();
      for (const visitors of this.#seen.values()) visitors.clear();
      this.#seen.clear();
    });
  }

  /** Asked before the file of a path is given out. Throws Refused. */
  admit(path: string, visitor: FileVisitor): Promise<void> | undefined {
    const { application, files, hub } = this.#context;
    const name = this.#nameOf(path);
    if (name === null) return undefined;
    const known = hub.viewers.isThere(application, name, visitor.who);
    if (!known) application.gates.confirm(this.#request(name, visitor));
    const stream = application.streams.get(name);
    if (this.#isFetched(name, path)) {
      const { subscription } = this.#kept.get(name) ?? {};
      subscription?.stream.visitors.saw(visitor.who, performance.now());
      // A source that has gone for a while: players go on asking for the list that they have.
      const gone = subscription !== undefined && stream?.live !== true;
      const current = stream?.live === true && this.#outputs.get(name)?.current === true;
      if (!gone && !current) return this.#first(name, path, visitor);
    }
    if (stream !== undefined || files.has(path)) this.#saw(name, visitor);
    return undefined;
  }

  /** Whether a stream may come from elsewhere for its playlist at a path, which no other worker makes. */
  #isFetched(name: string, path: string): boolean {
    const { application, files } = this.#context;
    if (!application.origins.any || files.isForeign(path)) return false;
    return application.streams.has(name) || !this.#isMaster(path);
  }

  #saw(name: string, { who }: FileVisitor): void {
    const { application, hub } = this.#context;
    let visitors = this.#seen.get(name);
    if (visitors === undefined) {
      // The server's label may change under those who are there.
      const place = { server: application.server, name: application.name };
      visitors = new Visitors({
        came: (one) => hub.viewers.came(place, name, one),
        left: (one) => hub.viewers.left(place, name, one),
      });
      this.#seen.set(name, visitors);
    }
    visitors.saw(who, performance.now());
  }

  /** Somebody new was given the list of a stream, maybe by another worker: what was fetched is kept for him. */
  visited(name: string): void {
    if (!this.#context.application.origins.any || this.#kept.has(name)) return;
    this.#keep(name, '').coming.catch(() => undefined);
  }

  /** A stream's playlist has been written. */
  listed(name: string): void {
    const waiting = this.#waiting.get(name);
    this.#waiting.delete(name);
    for (const done of waiting ?? []) done();
  }

  /** Waits for the stream and its first segment. */
  async #first(name: string, path: string, visitor: FileVisitor): Promise<void> {
    let coming = 0;
    for (const kept of this.#kept.values()) if (kept.subscription === undefined) coming += 1;
    if (coming > MOST_COMING) throw new Refused('overloaded', 'too many streams are being fetched');
    let subscription: Subscription;
    try {
      subscription = await (this.#kept.get(name) ?? this.#keep(name, visitor.args)).coming;
    } catch (error) {
      // What there is of it, if anything, is what a server without that stream has.
      if (error instanceof Refused && error.reason !== 'overloaded') return;
      throw error;
    }
    subscription.stream.visitors.saw(visitor.who, performance.now());
    if (this.#outputs.get(name)?.current !== true && !(await this.#isListed(name, path))) {
      throw new Refused('overloaded', 'the stream has no segment yet');
    }
    this.#saw(name, visitor);
  }

  /** Whether the list comes in time, be it from another worker. */
  async #isListed(name: string, path: string): Promise<boolean> {
    for (const until = performance.now() + FIRST_SEGMENT_MS; performance.now() < until; ) {
      if ((await this.#listedWithin(name, OTHERS_MS)) || this.#context.files.isForeign(path)) return true;
    }
    return false;
  }

  #listedWithin(name: string, ms: number): Promise<boolean> {
    return new Promise((resolved) => {
      const waiting = this.#waiting.get(name) ?? new Set();
      this.#waiting.set(name, waiting);
      const done = (): void => {
        clearTimeout(timer);
        resolved(true);
      };
      const timer = setTimeout(() => {
        waiting.delete(done);
        if (waiting.size === 0 && this.#waiting.get(name) === waiting) this.#waiting.delete(name);
        resolved(false);
      }, ms);
      waiting.add(done);
    });
  }

  #keep(name: string, args: string): Kept {
    const { application, hub, log } = this.#context;
    const release = (): void => {
      if (this.#kept.get(name) === kept) this.#kept.delete(name);
      kept.subscription?.close();
    };
    const id = hub.nextClientId();
    const nobody = { address: '127.0.0.1', who: '', args, log };
    const client: Client = { ...this.#client(nobody), id, origin: 'worker' };
    const request: PlayRequest = { ...this.#request(name, nobody), client, dismiss: release };
    const kept: Kept = {
      coming: application.play(request, false).then(
        (subscription) => {
          kept.subscription = subscription;
          if (this.#kept.get(name) !== kept) subscription.close();
          else log.info({ stream: maskedName(name) }, 'a stream is kept for its HLS viewers');
          return subscription;
        },
        (error) => {
          release();
          throw error;
        },
      ),
    };
    this.#kept.set(name, kept);
    return kept;
  }

  #look(): void {
    const now = performance.now();
    for (const [name, { subscription }] of this.#kept) {
      if (subscription === undefined || subscription.stream.visitors.count(now) > 0) continue;
      this.#kept.delete(name);
      subscription.close();
    }
    for (const [name, visitors] of this.#seen) if (visitors.count(now) === 0) this.#seen.delete(name);
  }

  /** The stream whose playlist stands at a path; null: it is none. */
  #nameOf(path: string): string | null {
    const known = this.#names.get(path);
    if (known !== undefined) return known;
    const name = this.#readName(path);
    if (this.#names.size >= MOST_NAMES) this.#names.clear();
    this.#names.set(path, name);
    return name;
  }

  #readName(path: string): string | null {
    const { hls_path: folder, hls_nested, hls_nested_index_filename: index } = this.#conf();
    const file = relative(resolve(this.#context.prefix, folder), path).split(sep).join('/');
    const end = hls_nested ? `/${index}.m3u8` : '.m3u8';
    if (!file.endsWith(end)) return null;
    const name = file.slice(0, -end.length);
    try {
      checkName(name);
      return name;
    } catch {
      return null;
    }
  }

  #client({ address, log }: FileVisitor): Client {
    return {
      id: 0,
      protocol: 'rtmp',
      origin: 'client',
      address,
      flashver: '',
      tcurl: '',
      swfurl: '',
      pageurl: '',
      connectArgs: '',
      log,
    };
  }

  #request(name: string, visitor: FileVisitor): PlayRequest {
    return {
      action: 'play',
      client: this.#client(visitor),
      application: this.#context.application,
      name,
      args: visitor.args,
      start: -2,
      duration: -1,
      reset: false,
      listener: {},
      dismiss: () => undefined,
    };
  }
}
