import { type ClientRequest, get } from 'node:http';
import { VIDEO } from '../../src/media/packet.ts';
import { FlvReader } from '../../src/wire/flv/reader.ts';
import { pingResponse, readControl, USER_CONTROL } from '../../src/wire/rtmp/messages.ts';
import { AVC_CONFIG } from '../hostile/sessions.ts';
import { connectTo, type RtmpClient } from '../rtmp/client.ts';
import { hex } from '../wire/splits.ts';

const FRAME_MS = 100;
const KEY_EVERY = 10;
const PADDING = Buffer.alloc(700, 0x55);
/** Where a frame's number stands: behind tag, length and type. */
const NUMBER_AT = 10;
const PADDING_AT = NUMBER_AT + 4;

/** One player: it counts what it has got and what it has missed. */
class Watcher {
  readonly stream: string;
  frames = 0;
  /** Frames that were left out, came twice or were not those that were sent. */
  lost = 0;
  bytes = 0;
  ended: string | undefined;
  close: () => void = () => undefined;
  #last = -1;

  constructor(stream: string) {
    this.stream = stream;
  }

  get last(): number {
    return this.#last;
  }

  see(kind: number, time: number, body: Buffer): void {
    if (kind !== VIDEO || body[1] !== 1) return;
    const number = body.readUInt32BE(NUMBER_AT);
    this.bytes += body.length;
    this.frames += 1;
    if (this.#last >= 0) this.lost += Math.abs(number - this.#last - 1);
    const whole = body.subarray(PADDING_AT).equals(PADDING);
    if (!whole || time !== number * FRAME_MS) this.lost += 1;
    this.#last = number;
  }

  end(how: string): void {
    this.ended ??= how;
  }
}

/** Where a crowd plays and publishes. */
export interface Scene {
  readonly rtmp: number;
  readonly http: number;
}

/** What became of a crowd. */
export interface Toll {
  readonly frames: number;
  readonly lost: number;
  readonly ended: readonly string[];
}

/** Publishers of the application `live` that send numbered frames, and players, half of each protocol, that count them. */
export class Crowd {
  readonly #publishers: RtmpClient[] = [];
  readonly #watchers: Watcher[] = [];
  readonly #thrownOut: string[] = [];
  #clock: NodeJS.Timeout | undefined;
  #closing = false;
  #since = 0;
  #sent = 0;

  static async gather(scene: Scene, publishers: number, players: number): Promise<Crowd> {
    const crowd = new Crowd();
    for (let index = 0; index < publishers; index += 1) await crowd.#publish(scene, `s${index}`);
    crowd.#since = performance.now();
    crowd.#clock = setInterval(() => crowd.#tick(), FRAME_MS / 4);
    for (let index = 0; index < players; index += 1) {
      const stream = `s${index % publishers}`;
      const watcher = new Watcher(stream);
      crowd.#watchers.push(watcher);
      if (index % 2 === 0) watchFlv(scene, watcher);
      else await watchRtmp(scene, watcher);
    }
    await crowd.caughtUp(10_000);
    return crowd;
  }

  async #publish({ rtmp }: Scene, name: string): Promise<void> {
    const client = await connectTo(rtmp, 'live');
    await client.publish(name);
    client.push(VIDEO, 0, AVC_CONFIG);
    this.#publishers.push(client);
    void client.closed.then((how) => {
      if (!this.#closing) this.#thrownOut.push(`publisher ${name}: ${how}`);
    });
  }

  #tick(): void {
    const due = Math.floor((performance.now() - this.#since) / FRAME_MS);
    for (; this.#sent < due; this.#sent += 1) {
      const key = this.#sent % KEY_EVERY === 0;
      const number = Buffer.alloc(4);
      number.writeUInt32BE(this.#sent);
      const nal = Buffer.concat([hex(key ? '65' : '41'), number, PADDING]);
      const body = Buffer.concat([hex(key ? '1701000000' : '2701000000'), lengthOf(nal), nal]);
      for (const publisher of this.#publishers) {
        publisher.push(VIDEO, this.#sent * FRAME_MS, body);
        answerPings(publisher);
      }
    }
  }

  /** Whether all who are still there have got what has been sent by now, within `ms`. */
  async caughtUp(ms: number): Promise<boolean> {
    const [now, end] = [this.#sent, performance.now() + ms];
    const behind = (): boolean =>
      this.#watchers.some((watcher) => watcher.ended === undefined && watcher.last < now);
    while (behind()) {
      if (performance.now() > end) return false;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return true;
  }

  get toll(): Toll {
    return {
      frames: this.#watchers.reduce((sum, { frames }) => sum + frames, 0),
      lost: this.#watchers.reduce((sum, { lost }) => sum + lost, 0),
      ended: [
        ...this.#thrownOut,
        ...this.#watchers.flatMap(({ stream, ended }) =>
          ended === undefined ? [] : [`player of ${stream}: ${ended}`],
        ),
      ],
    };
  }

  leave(): void {
    this.#closing = true;
    clearInterval(this.#clock);
    for (const watcher of this.#watchers) watcher.close();
    for (const publisher of this.#publishers) publisher.destroy();
  }
}

function lengthOf(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return length;
}

function answerPings(client: RtmpClient): void {
  for (const { type, body } of client.got.splice(0)) {
    const control = type === USER_CONTROL ? readControl(type, body) : null;
    if (control?.kind === 'pingRequest') client.send(pingResponse(control.timestamp));
  }
}

async function watchRtmp({ rtmp }: Scene, watcher: Watcher): Promise<void> {
  const client = await connectTo(rtmp, 'live');
  const id = await client.createStream();
  client.call('play', [null, watcher.stream, -2000], id);
  const reading = setInterval(() => {
    for (const { type, timestamp, body } of client.got.splice(0)) {
      const control = type === USER_CONTROL ? readControl(type, body) : null;
      if (control?.kind === 'pingRequest') client.send(pingResponse(control.timestamp));
      else watcher.see(type, timestamp, body);
    }
  }, 20);
  let closing = false;
  watcher.close = () => {
    closing = true;
    clearInterval(reading);
    client.destroy();
  };
  void client.closed.then((how) => {
    if (!closing) watcher.end(`the connection was closed (${how})`);
  });
}

function watchFlv({ rtmp, http }: Scene, watcher: Watcher): void {
  const reader = new FlvReader({ maxTag: 1024 * 1024 });
  const path = `/live?port=${rtmp}&app=live&stream=${watcher.stream}`;
  let closing = false;
  const end = (how: string): void => {
    if (!closing) watcher.end(how);
  };
  const request: ClientRequest = get({ port: http, host: '127.0.0.1', path, agent: false }, (answer) => {
    if (answer.statusCode !== 200) end(`status ${answer.statusCode}`);
    answer.on('data', (bytes: Buffer) =>
      reader.push(bytes, {
        header: () => undefined,
        tag: (kind, time, body) => watcher.see(kind, time, body),
      }),
    );
    answer.on('end', () => end('the answer ended'));
    answer.on('error', (error) => end(error.message));
  });
  request.on('error', (error) => end(error.message));
  watcher.close = () => {
    closing = true;
    request.destroy();
  };
}
