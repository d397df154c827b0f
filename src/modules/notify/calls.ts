import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Hub } from '../../core/hub.ts';
import type { Logger } from '../../core/logs/log.ts';
import type { CallbackStatus } from '../../core/measures/callbacks.ts';
import { type Histogram, SECONDS } from '../../core/measures/measures.ts';
import { type NetAnswer, type Netcall, NetcallError } from '../../core/net/netcall.ts';
import { type Verdict, verdictOf } from './answer.ts';
import { formOf, jsonOf, withQuery } from './encoding.ts';
import type { Message } from './fields.ts';
import type { CallSettings, Hook } from './table.ts';

/** What an answer came to, or that there was none that could be read. */
export type Outcome = Verdict | { readonly allow: null; readonly why: string };

/** Where the calls of one service belong, for statistics. */
export interface Place {
  readonly server: string;
  /** Empty for those of the server itself. */
  readonly application: string;
}

/** Told again after so long, ms, where an endpoint could not be reached. */
const RETRIES = [1000, 3000, 9000] as const;

class Counters {
  readonly seconds: Histogram;
  requests = 0;
  pending = 0;
  readonly answers = { '2xx': 0, '3xx': 0, '4xx': 0, '5xx': 0 };
  refused = 0;
  failures = 0;
  dropped = 0;
  duration = 0;
  slowest = 0;
  lastError = '';

  /** Of the callback in all places. */
  constructor(hook: Hook, { measures }: Hub) {
    const help = 'Time from a callback to its answer or failure.';
    this.seconds = measures.histogram('hook_duration_seconds', help, SECONDS, { hook });
  }
}

/** The requests of one service, counted by callback. */
export class Calls {
  readonly #hub: Hub;
  readonly #log: Logger;
  readonly #prefix: string;
  readonly #place: Place;
  readonly #counters = new Map<Hook, Counters>();
  #conf: CallSettings;

  constructor(conf: CallSettings, place: Place, ground: { hub: Hub; log: Logger; prefix: string }) {
    this.#conf = conf;
    this.#place = place;
    this.#hub = ground.hub;
    this.#log = ground.log;
    this.#prefix = ground.prefix;
  }

  /** New settings; they count from the next request on. */
  update(conf: CallSettings): void {
    this.#conf = conf;
  }

  /** For statistics: of one callback, at the URL it has now; null: none. */
  status(hook: Hook, url: string | null): CallbackStatus {
    const { answers, seconds: _, ...counted } = this.#of(hook);
    return { hook, ...this.#place, url: url === null ? '' : shown(url), ...counted, answers: { ...answers } };
  }

  /** Asks an endpoint and judges its answer. Never throws. */
  async ask(hook: Hook, url: string, message: Message): Promise<Outcome> {
    const counters = this.#of(hook);
    try {
      const verdict = verdictOf(await this.#call(hook, url, message, 'ask'));
      if (!verdict.allow) {
        counters.refused += 1;
        this.#log.info({ hook, url: shown(url), why: verdict.why }, 'a callback said no');
      }
      return verdict;
    } catch (error) {
      if (!(error instanceof NetcallError)) throw error;
      this.#log.warn({ hook, url: shown(url), reason: error.message }, 'a callback was not answered');
      return { allow: null, why: error.message };
    }
  }

  /** Tells an endpoint; what it answers does not matter. */
  tell(hook: Hook, url: string, message: Message): void {
    void this.#tell(hook, url, message, 0);
  }

  /** The same for what is soon told anew, and so but once. Resolves when it is over; never rejects. */
  mention(hook: Hook, url: string, message: Message): Promise<void> {
    return this.#tell(hook, url, message, RETRIES.length);
  }

  async #tell(hook: Hook, url: string, message: Message, attempt: number): Promise<void> {
    try {
      await this.#call(hook, url, message, 'tell');
    } catch (error) {
      if (!(error instanceof NetcallError)) {
        this.#log.error({ hook, err: error }, 'a callback failed unexpectedly');
        return;
      }
      const again = error.failure === 'connect' ? RETRIES[attempt] : undefined;
      this.#log.warn(
        { hook, url: shown(url), reason: error.message, again: again ?? 'no' },
        'a callback was not delivered',
      );
      if (again !== undefined) {
        setTimeout(() => void this.#tell(hook, url, message, attempt + 1), again).unref();
      }
    }
  }

  async #call(hook: Hook, url: string, message: Message, lane: Netcall['lane']): Promise<NetAnswer> {
    const counters = this.#of(hook);
    const begun = performance.now();
    counters.requests += 1;
    counters.pending += 1;
    try {
      const answer = await this.#send(url, message, lane);
      const kind = `${Math.trunc(answer.status / 100)}xx`;
      if (kind in counters.answers) counters.answers[kind as keyof Counters['answers']] += 1;
      return answer;
    } catch (error) {
      counters.failures += 1;
      counters.lastError = error instanceof Error ? error.message : String(error);
      if (error instanceof NetcallError && error.failure === 'overloaded') counters.dropped += 1;
      throw error;
    } finally {
      const took = performance.now() - begun;
      counters.pending -= 1;
      counters.duration += took;
      counters.seconds.observe(took / 1000);
      counters.slowest = Math.max(counters.slowest, took);
    }
  }

  async #send(url: string, message: Message, lane: Netcall['lane']): Promise<NetAnswer> {
    const conf = this.#conf;
    const post = conf.notify_method === 'post';
    const json = post && conf.notify_format === 'json';
    const text = json ? jsonOf(message) : formOf(message);
    const file = url.startsWith('https:') ? conf.netcall_ssl_trusted_certificate : '';
    return this.#hub.netcalls.call({
      url: post ? url : withQuery(url, text),
      method: post ? 'POST' : 'GET',
      body: post ? text : '',
      type: json ? 'application/json' : 'application/x-www-form-urlencoded',
      lane,
      timeout: conf.netcall_timeout,
      connectTimeout: conf.netcall_connect_timeout,
      verify: conf.netcall_ssl_verify,
      authorities: file === '' ? '' : await this.#authorities(file),
    });
  }

  async #authorities(file: string): Promise<string> {
    try {
      return await readFile(resolve(this.#prefix, file), 'utf8');
    } catch (error) {
      throw new NetcallError('connect', `the trusted certificates cannot be read: ${String(error)}`);
    }
  }

  #of(hook: Hook): Counters {
    let counters = this.#counters.get(hook);
    if (counters === undefined) {
      counters = new Counters(hook, this.#hub);
      this.#counters.set(hook, counters);
    }
    return counters;
  }
}

/** Without what may be secret. */
function shown(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}
