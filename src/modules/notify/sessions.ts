import type { Application } from '../../core/applications/application.ts';
import type { Publication } from '../../core/applications/publication.ts';
import { Refused } from '../../core/applications/refused.ts';
import { isSilent, type Request } from '../../core/applications/request.ts';
import type { Subscription } from '../../core/applications/subscription.ts';
import type { Limits } from './answer.ts';
import type { Calls } from './calls.ts';
import { updateMessage } from './fields.ts';
import type { StreamSettings } from './table.ts';

/** A publisher or a player that was let in. */
type Admitted = Publication | Subscription;

/** What an answer said of a session at its start. */
interface Terms {
  readonly name: string;
  readonly expires?: number;
  readonly limits?: Limits;
}

/** How often the rate of a publisher is measured, ms, and over how many of these. */
const MEASURE_MS = 1000;
const MEASURED = 5;
/** The longest time of a timer of Node, ms. */
const MAX_TIMER = 2 ** 31 - 1;

/** The timers of one session. */
interface Running {
  /** Monotonic ms. */
  readonly since: number;
  update: NodeJS.Timeout | undefined;
  expiry: NodeJS.Timeout | undefined;
  measure: NodeJS.Timeout | undefined;
  players: number | undefined;
}

/** The sessions of an application while they go on: on_update, and the bounds that answers have put on them. */
export class Sessions {
  readonly #application: Application;
  readonly #calls: Calls;
  readonly #conf: () => StreamSettings;
  readonly #terms: (request: Request) => Terms;
  readonly #running = new Map<Admitted, Running>();

  constructor(
    application: Application,
    calls: Calls,
    conf: () => StreamSettings,
    terms: (request: Request) => Terms,
  ) {
    this.#application = application;
    this.#calls = calls;
    this.#conf = conf;
    this.#terms = terms;
  }

  /** Takes up those that are there already. */
  beginAll(): void {
    for (const publication of this.#application.publications) this.begin(publication);
    for (const subscription of this.#application.subscriptions) this.begin(subscription);
  }

  begin(session: Admitted): void {
    // The callbacks of players elsewhere are asked where those are.
    if (isSilent(session.request.client)) return;
    const running: Running = {
      since: performance.now(),
      update: undefined,
      expiry: undefined,
      measure: undefined,
      players: undefined,
    };
    this.#running.set(session, running);
    const { expires, limits } = this.#terms(session.request);
    this.#bind(session, running, expires, limits);
    this.#schedule(session, running);
  }

  end(session: Admitted): void {
    const running = this.#running.get(session);
    if (running === undefined) return;
    this.#running.delete(session);
    clearTimeout(running.update);
    clearTimeout(running.expiry);
    clearInterval(running.measure);
  }

  /** Throws Refused where a stream has as many players as its publisher's answer allows. */
  checkPlayers(name: string): void {
    const stream = this.#application.streams.get(name);
    const publication = stream === undefined ? undefined : this.#application.publicationOf(stream);
    const most = publication === undefined ? undefined : this.#running.get(publication)?.players;
    if (most === undefined) return;
    let players = 0;
    for (const subscription of this.#application.subscriptions) {
      if (subscription.stream === stream) players += 1;
    }
    if (players >= most) throw new Refused('overloaded', 'the stream has all the players it may have');
  }

  /** The settings are others than before. */
  changed(before: StreamSettings): void {
    const { on_update: url, notify_update_timeout: period } = this.#conf();
    const off = (one: string | null): boolean => one === null;
    if (off(before.on_update) === off(url) && before.notify_update_timeout === period) return;
    for (const [session, running] of this.#running) this.#schedule(session, running);
  }

  close(): void {
    for (const session of [...this.#running.keys()]) this.end(session);
  }

  #bind(session: Admitted, running: Running, expires?: number, limits?: Limits): void {
    if (expires !== undefined) {
      clearTimeout(running.expiry);
      running.expiry = setTimeout(
        () => session.request.dismiss('its time is over'),
        Math.min(expires * 1000, MAX_TIMER),
      );
    }
    if (limits?.players !== undefined) running.players = limits.players;
    if (limits?.bitrate !== undefined && session.request.action === 'publish') {
      this.#measure(session, running, limits.bitrate);
    }
  }

  /** Ends a publisher whose media come to more than so many bits per second over some seconds. */
  #measure(session: Admitted, running: Running, most: number): void {
    clearInterval(running.measure);
    const { counters } = session.stream;
    const samples = [{ at: performance.now(), bytes: counters.bytesIn }];
    running.measure = setInterval(() => {
      const now = { at: performance.now(), bytes: counters.bytesIn };
      samples.push(now);
      if (samples.length <= MEASURED) return;
      const first = samples.shift()!;
      const rate = ((now.bytes - first.bytes) * 8 * 1000) / (now.at - first.at);
      if (rate > most) session.request.dismiss('the bitrate is higher than allowed');
    }, MEASURE_MS);
  }

  #schedule(session: Admitted, running: Running): void {
    clearTimeout(running.update);
    running.update = undefined;
    const { on_update: url, notify_update_timeout: period } = this.#conf();
    if (url === null || period === 0) return;
    running.update = setTimeout(() => void this.#update(session, running), Math.min(period, MAX_TIMER));
  }

  async #update(session: Admitted, running: Running): Promise<void> {
    const { on_update: url, notify_update_strict: strict } = this.#conf();
    if (url === null) return;
    const { request, stream } = session;
    const time = Math.round((performance.now() - running.since) / 1000);
    const timestamp = Math.max(0, Math.floor(stream.timeline.last));
    const message = updateMessage(request, this.#terms(request).name, time, timestamp);
    const outcome = await this.#calls.ask('on_update', url, message);
    if (this.#running.get(session) !== running) return;
    if (outcome.allow === false) {
      request.dismiss(outcome.reason ?? 'on_update was answered with no');
    } else if (outcome.allow === null ? strict : strict && outcome.moved) {
      request.dismiss('on_update was not answered with yes');
    } else {
      if (outcome.allow) this.#bind(session, running, outcome.expires, outcome.limits);
      this.#schedule(session, running);
    }
  }
}
