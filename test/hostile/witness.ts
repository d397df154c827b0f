import { type ClientRequest, get } from 'node:http';
import { AUDIO, VIDEO } from '../../src/media/packet.ts';
import { FlvReader } from '../../src/wire/flv/reader.ts';
import { ProtocolError } from '../../src/wire/protocol-error.ts';
import { pingResponse, readControl, USER_CONTROL } from '../../src/wire/rtmp/messages.ts';
import { connectTo, type RtmpClient } from '../rtmp/client.ts';
import { hex } from '../wire/splits.ts';
import { holds, type Prey, pause } from './prey.ts';
import { AAC_CONFIG, AVC_CONFIG } from './sessions.ts';

const STREAM = 'witness';
const FRAME_MS = 40;
const KEY_EVERY = 25;
const PADDING = Buffer.alloc(1200, 0x55);
/** How long the newest frame may take to arrive, ms. */
const LATE_MS = 5000;

/** A frame as it came to a player: its time, and the number that its publisher gave it. */
interface Seen {
  readonly time: number;
  readonly number: number;
}

/** One player of the witness stream. */
interface Watcher {
  readonly name: string;
  readonly video: Seen[];
  readonly audio: Seen[];
  ended: string | undefined;
  close(): void;
}

/** A publisher with players of each kind, who have nothing to do with what else happens to the server. */
export class Witness {
  readonly #publisher: RtmpClient;
  readonly #watchers: readonly Watcher[];
  readonly #clock: NodeJS.Timeout;
  readonly #since = performance.now();
  #frames = 0;

  private constructor(publisher: RtmpClient, watchers: readonly Watcher[]) {
    this.#publisher = publisher;
    this.#watchers = watchers;
    publisher.push(VIDEO, 0, AVC_CONFIG);
    publisher.push(AUDIO, 0, AAC_CONFIG);
    this.#clock = setInterval(() => this.#tick(), FRAME_MS / 2);
  }

  static async start(prey: Prey): Promise<Witness> {
    const publisher = await connectTo(prey.rtmp, 'live');
    await publisher.publish(STREAM);
    const watchers: Watcher[] = [];
    const witness = new Witness(publisher, watchers);
    await pause(200);
    watchers.push(await watchRtmp(prey));
    if (prey.http !== null && prey.flv !== null) watchers.push(watchFlv(prey.http, prey.flv(STREAM)));
    const began = await holds(() => watchers.every(({ video }) => video.length > 2), 10_000);
    if (!began) throw new Error(`the witness players get nothing: ${witness.#state()}`);
    return witness;
  }

  #tick(): void {
    const due = Math.floor((performance.now() - this.#since) / FRAME_MS);
    for (; this.#frames < due; this.#frames += 1) {
      const number = Buffer.alloc(4);
      number.writeUInt32BE(this.#frames);
      const key = this.#frames % KEY_EVERY === 0;
      const nal = Buffer.concat([hex(key ? '65' : '41'), number, PADDING]);
      const size = Buffer.alloc(4);
      size.writeUInt32BE(nal.length);
      const time = this.#frames * FRAME_MS;
      this.#publisher.push(VIDEO, time, Buffer.concat([hex(key ? '1701000000' : '2701000000'), size, nal]));
      this.#publisher.push(AUDIO, time + 3, Buffer.concat([hex('af01'), number, PADDING.subarray(0, 100)]));
    }
    for (const { type, body } of this.#publisher.got.splice(0)) {
      const control = type === USER_CONTROL ? readControl(type, body) : null;
      if (control?.kind === 'pingRequest') this.#publisher.send(pingResponse(control.timestamp));
    }
  }

  #state(): string {
    return this.#watchers
      .map(({ name, video, ended }) => `${name} ${video.length} ${ended ?? ''}`)
      .join(', ');
  }

  /** What is wrong with what the players have got; empty where all is as if nothing had happened. */
  async problems(): Promise<readonly string[]> {
    const now = this.#frames;
    const arrived = ({ video, ended }: Watcher): boolean =>
      ended !== undefined || (video.at(-1)?.number ?? -1) >= now;
    await holds(() => this.#watchers.every(arrived), LATE_MS);
    const found: string[] = [];
    if (this.#publisher.socket.destroyed) found.push('the publisher was thrown out');
    for (const watcher of this.#watchers) {
      if (watcher.ended !== undefined) found.push(`${watcher.name}: ${watcher.ended}`);
      else if (!arrived(watcher)) found.push(`${watcher.name}: stands still`);
      for (const [track, seen] of [['video', watcher.video] as const, ['audio', watcher.audio] as const]) {
        const broken = seen.findIndex(({ number, time }, index) => {
          const before = seen[index - 1];
          return before !== undefined && (number !== before.number + 1 || time !== before.time + FRAME_MS);
        });
        if (broken < 0) continue;
        const [before, after] = [seen[broken - 1]!, seen[broken]!];
        found.push(
          `${watcher.name}: ${track} ${before.number} at ${before.time} is followed by ${after.number} at ${after.time}`,
        );
        seen.splice(0, broken);
      }
    }
    return found;
  }

  /** Frames the players have got in all. */
  get frames(): number {
    return this.#watchers.reduce((sum, { video, audio }) => sum + video.length + audio.length, 0);
  }

  stop(): void {
    clearInterval(this.#clock);
    this.#publisher.destroy();
    for (const watcher of this.#watchers) watcher.close();
  }
}

/** Notes a message of media, sequence headers left out. */
function note(watcher: Watcher, kind: number, time: number, body: Buffer): void {
  if (kind === VIDEO && body[1] === 1) watcher.video.push({ time, number: body.readUInt32BE(10) });
  if (kind === AUDIO && body[1] === 1) watcher.audio.push({ time, number: body.readUInt32BE(2) });
}

async function watchRtmp(prey: Prey): Promise<Watcher> {
  const client = await connectTo(prey.rtmp, 'live');
  const id = await client.createStream();
  client.call('play', [null, STREAM, -2000], id);
  const reading = setInterval(() => {
    for (const { type, timestamp, body } of client.got.splice(0)) {
      const control = type === USER_CONTROL ? readControl(type, body) : null;
      if (control?.kind === 'pingRequest') client.send(pingResponse(control.timestamp));
      else note(watcher, type, timestamp, body);
    }
  }, 10);
  const watcher: Watcher = {
    name: 'RTMP player',
    video: [],
    audio: [],
    ended: undefined,
    close: () => {
      clearInterval(reading);
      client.destroy();
    },
  };
  void client.closed.then((how) => {
    watcher.ended ??= `the connection was closed (${how})`;
  });
  return watcher;
}

function watchFlv(port: number, path: string): Watcher {
  const reader = new FlvReader({ maxTag: 1024 * 1024 });
  let request: ClientRequest | undefined;
  const watcher: Watcher = {
    name: 'HTTP-FLV player',
    video: [],
    audio: [],
    ended: undefined,
    close: () => request?.destroy(),
  };
  const end = (reason: string): void => {
    watcher.ended ??= reason;
  };
  request = get({ port, host: '127.0.0.1', path, agent: false }, (answer) => {
    if (answer.statusCode !== 200) end(`status ${answer.statusCode}`);
    answer.on('data', (bytes: Buffer) => {
      try {
        reader.push(bytes, {
          header: () => undefined,
          tag: (kind, time, body) => note(watcher, kind, time, body),
        });
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        end(`what came is not FLV: ${error.message}`);
      }
    });
    answer.on('end', () => end('the answer ended'));
    answer.on('error', (error) => end(error.message));
  });
  request.on('error', (error) => end(error.message));
  return watcher;
}
