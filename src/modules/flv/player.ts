import { settingsOf } from '../../config/block.ts';
import type { Application } from '../../core/applications/application.ts';
import { Refused } from '../../core/applications/refused.ts';
import type { Client } from '../../core/applications/request.ts';
import type { Subscription } from '../../core/applications/subscription.ts';
import { SocketTraffic } from '../../core/applications/traffic.ts';
import { maskedName } from '../../core/logs/log.ts';
import { splitOnce } from '../../core/net/addresses.ts';
import type { Patience } from '../../core/streams/seat.ts';
import type { Stream, StreamListener } from '../../core/streams/stream.ts';
import { LiveResponse } from '../../http/answers/live-response.ts';
import type { Exchange } from '../../http/requests/exchange.ts';
import { DATA } from '../../media/packet.ts';
import { rtmpServerTable } from '../../rtmp/directives.ts';
import { flvContinuation, flvFormat } from '../../wire/flv/format.ts';
import type { FlvTarget } from './target.ts';

const FORMAT = flvFormat();
/** Between the last time of one stream and the first of the next in one answer, ms: about a frame. */
const SEAM_MS = 40;
/** Shifts of times are multiples of this, ms, so that players who are moved together share what is packed for them. */
const SHIFT_STEP_MS = 100;
const TYPE = 'video/x-flv';
/** nginx-http-flv's, which a stream's own time makes true: it is old as soon as it is there. */
const FIELDS = [
  ['Expires', '-1'],
  ['Cache-Control', 'no-cache'],
] as const;

/** One player of a stream over HTTP, from its request to the end of its connection. */
export class FlvPlayer {
  readonly #exchange: Exchange;
  readonly #target: FlvTarget;
  readonly #client: Client;
  #subscription: Subscription | undefined;
  #response: LiveResponse | undefined;
  #waiting: ((live: boolean) => void) | undefined;
  #idle: NodeJS.Timeout | undefined;
  #left = false;
  #dismissed = false;
  #moving = false;
  #untap: (() => void) | undefined;
  /** From the times of the stream to those of the answer, ms. */
  #shift = 0;
  /** Where the answer has come to in its own times, ms; null: nothing of it was sent when that was asked last. */
  #end: number | null = null;

  constructor(exchange: Exchange, target: FlvTarget) {
    this.#exchange = exchange;
    this.#target = target;
    const { connection, host } = exchange;
    this.#client = {
      id: exchange.runtime.nextClientId(),
      protocol: 'http-flv',
      origin: 'client',
      address: exchange.address,
      flashver: 'flv_live 1.1',
      tcurl: `${connection.secure ? 'https' : 'http'}://${host}/${target.app}`,
      swfurl: '',
      pageurl: '',
      connectArgs: target.args,
      traffic: SocketTraffic.from(connection.socket, 'http-flv'),
      // Few are written about, and a logger of one's own is dear.
      get log() {
        return exchange.log;
      },
    };
  }

  /**
   * Asks for the stream and sends it; true once the connection belongs to it. `wait` is how long an absent publisher
   * is waited for, ms. Throws Refused.
   */
  async start(wait: number): Promise<boolean> {
    const { server, app, name, args } = this.#target;
    const { socket } = this.#exchange.connection;
    // Whoever hangs up while gates are asked or a publisher is waited for must not stay subscribed.
    socket.once('close', () => this.leave());
    const application = await server.connect(this.#client, app);
    if (this.#gone()) return true;
    const listener = { started: () => this.#waiting?.(true) };
    const subscription = await this.#play(application, name, args, listener, wait > 0);
    this.#subscription = subscription;
    if (this.#gone()) return true;
    if (!application.has(subscription.stream.name) && !(await this.#published(wait))) {
      const hungUp = socket.destroyed;
      this.leave();
      return hungUp;
    }
    this.#send(subscription);
    return true;
  }

  #play(
    application: Application,
    name: string,
    args: string,
    listener: StreamListener,
    mayWait: boolean,
  ): Promise<Subscription> {
    const client = this.#client;
    return application.play(
      {
        ...{
          action: 'play',
          client,
          application,
          name,
          args,
          start: -2,
          duration: -1,
          reset: false,
          listener,
        },
        dismiss: (reason) => this.#dismiss(reason),
        redirect: (to) => this.#redirect(application, to),
      },
      mayWait,
    );
  }

  /** The connection has ended in the meantime; what was got since is given back. */
  #gone(): boolean {
    if (!this.#exchange.connection.socket.destroyed) return false;
    this.leave();
    return true;
  }

  /** Waits for a publisher's first media; false where none come in time. */
  #published(wait: number): Promise<boolean> {
    if (this.#dismissed) return Promise.resolve(false);
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#waiting?.(false), wait);
      this.#waiting = (live) => {
        clearTimeout(timer);
        this.#waiting = undefined;
        resolve(live);
      };
    });
  }

  #send(subscription: Subscription): void {
    const exchange = this.#exchange;
    const response = new LiveResponse(exchange, TYPE, FIELDS, 'http-flv');
    this.#response = response;
    response.whenClosed(() => this.leave());
    if (exchange.method === 'HEAD' || this.#dismissed) {
      response.begin(() => response.end('answered'));
      return;
    }
    const patience = this.#patience(subscription);
    // Header, opening and the cached group, and with it the first picture.
    response.begin(() => subscription.sit(FORMAT, response.sink, response.framing, patience));
    this.#watch(patience.stall);
    exchange.log.info({ app: this.#target.app, stream: subscription.stream.name }, 'HTTP-FLV play');
  }

  #patience({ request }: Subscription): Patience {
    const { timeout } = settingsOf(this.#target.server.spec.block, rtmpServerTable);
    return { bytes: request.application.settings.out_queue_size, stall: timeout };
  }

  /** Ends a player to which nothing has been sent for as long as a client may keep silent. */
  #watch(timeout: number): void {
    let before = this.#subscription?.seat?.bytes ?? 0;
    this.#idle = setInterval(() => {
      const now = this.#subscription?.seat?.bytes ?? 0;
      if (now === before) this.#response?.end('nothing came from the publisher');
      before = now;
    }, timeout);
    this.#idle.unref();
  }

  /** Goes on with another stream in the same answer; false before it has begun, and while it is being moved. */
  #redirect(application: Application, to: string): boolean {
    const before = this.#subscription;
    if (this.#response === undefined || before === undefined || this.#moving || this.#dismissed) return false;
    this.#moving = true;
    this.#move(application, before, to).catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      if (!(error instanceof Refused))
        this.#exchange.log.error({ err: error }, 'a player could not be moved');
      this.#response?.end(`sent to another stream: ${reason}`);
    });
    return true;
  }

  async #move(application: Application, before: Subscription, to: string): Promise<void> {
    const response = this.#response!;
    if (before.counters.bytes > 0)
      this.#end = Math.max(before.stream.timeline.last, 0) + this.#shift + SEAM_MS;
    // Without a byte there is no beginning that could be gone on with.
    const end = this.#end;
    this.#subscription = undefined;
    before.close();
    const sit = (subscription: Subscription): void => {
      const { cached, timeline } = subscription.stream;
      const first = cached[0]?.time ?? Math.max(timeline.last, 0);
      this.#shift = end === null ? 0 : Math.ceil((end - first) / SHIFT_STEP_MS) * SHIFT_STEP_MS;
      const format = end === null ? FORMAT : flvContinuation(this.#shift);
      subscription.sit(format, response.sink, response.framing, this.#patience(subscription));
    };
    const [name, args = ''] = splitOnce(to, '?');
    const { idle_streams: mayWait } = application.settings;
    const subscription = await this.#play(application, name, args, {}, mayWait);
    this.#moving = false;
    this.#subscription = subscription;
    if (this.#gone()) return;
    this.#untap?.();
    this.#untap = untilMedia(subscription.stream, () => sit(subscription));
    this.#exchange.log.info({ stream: maskedName(subscription.stream.name) }, 'HTTP-FLV play goes on');
  }

  #dismiss(reason: string): void {
    this.#dismissed = true;
    this.#waiting?.(false);
    // It may be in the middle of the hub's own loop; its seat goes with the connection.
    this.#response?.end(reason);
  }

  /** Gives everything back, once. */
  leave(): void {
    clearInterval(this.#idle);
    this.#untap?.();
    this.#untap = undefined;
    this.#waiting?.(false);
    const subscription = this.#subscription;
    this.#subscription = undefined;
    subscription?.close();
    // Also again: a gate may have let in who has hung up meanwhile.
    this.#target.server.disconnect(this.#client);
    if (this.#left) return;
    this.#left = true;
    const reason = this.#response?.reason;
    if (reason !== undefined && reason !== '') this.#exchange.log.info({ reason }, 'HTTP-FLV play ended');
  }
}

/** Calls once a stream has media, at once where some are cached; what it returns takes that back. */
function untilMedia(stream: Stream, media: () => void): () => void {
  let over = false;
  let leave: (() => void) | undefined;
  const end = (): void => {
    over = true;
    leave?.();
  };
  leave = stream.tap({
    packet({ kind, config }) {
      if (over || config || kind === DATA) return;
      end();
      media();
    },
  });
  if (over) leave();
  return end;
}
