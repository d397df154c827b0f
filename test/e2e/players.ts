import { get, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { AUDIO, DATA, type Kind, VIDEO } from '../../src/media/packet.ts';
import { HEADER, KEY, MEDIA, tagFacts } from '../../src/media/tag.ts';
import { FlvReader } from '../../src/wire/flv/reader.ts';
import { ChunkReader } from '../../src/wire/rtmp/chunk-reader.ts';
import { ChunkWriter } from '../../src/wire/rtmp/chunk-writer.ts';
import { readCommand, writeCommand } from '../../src/wire/rtmp/commands.ts';
import { clientHandshake } from '../../src/wire/rtmp/handshake.ts';
import {
  COMMAND_AMF0,
  type OutMessage,
  pingResponse,
  type RtmpMessage,
  readControl,
} from '../../src/wire/rtmp/messages.ts';
import { afterFile, until } from './children.ts';

/** One tag or message of media as it came to a player. */
export interface Received {
  readonly kind: Kind;
  /** Timestamp, ms. */
  readonly time: number;
  readonly key: boolean;
  /** A sequence header. */
  readonly config: boolean;
  /** A frame. */
  readonly media: boolean;
  /** Monotonic ms of its arrival. */
  readonly at: number;
  readonly bytes: number;
  /** Only where the player was told to keep them. */
  readonly body: Buffer | undefined;
}

export interface PlayerOptions {
  /** Keep the bodies too. */
  readonly bodies?: boolean;
}

/** A player that decodes nothing but notes what comes and when. */
export interface Player {
  readonly received: readonly Received[];
  /** Monotonic ms at which it was told to start. */
  readonly startedAt: number;
  /** Set when the server ended it: how. */
  readonly ended: string | undefined;
  /** The status of the HTTP answer, or the last RTMP status code; undefined before there is one. */
  readonly status: number | string | undefined;
  /** Stops reading, as a client on a slow line; and goes on. */
  pause(): void;
  resume(): void;
  close(): void;
}

const LIMITS = { maxTag: 16 * 1024 * 1024 };
const CHUNK_LIMITS = { maxMessage: 16 * 1024 * 1024, maxStreams: 1024 };
const COMMAND_STREAM = 0;

/** Plays HTTP-FLV. */
export function playFlv(url: string, options: PlayerOptions = {}): Player {
  const notes = new Notes(options);
  const reader = new FlvReader(LIMITS);
  let response: IncomingMessage | undefined;
  const request = get(url, { agent: false }, (answer) => {
    response = answer;
    notes.status = answer.statusCode;
    if (answer.statusCode !== 200) {
      answer.resume();
      return notes.end(`status ${answer.statusCode}`);
    }
    answer.on('data', (bytes: Buffer) =>
      reader.push(bytes, { header: () => undefined, tag: (kind, time, body) => notes.add(kind, time, body) }),
    );
    answer.on('end', () => notes.end('end of the answer'));
    answer.on('error', (error) => notes.end(error.message));
  });
  request.on('error', (error) => notes.end(error.message));
  return notes.player(
    () => response?.pause(),
    () => response?.resume(),
    () => request.destroy(),
  );
}

/** Plays RTMP: `rtmp://HOST:PORT/APP/STREAM`. */
export function playRtmp(url: string, options: PlayerOptions = {}): Player {
  const { hostname, port, pathname, host } = new URL(url);
  const [application = '', ...rest] = pathname.slice(1).split('/');
  const notes = new Notes(options);
  const writer = new ChunkWriter();
  const reader = new ChunkReader(CHUNK_LIMITS);
  const handshake = clientHandshake();
  const socket: Socket = connect({ host: hostname, port: Number(port || 1935), noDelay: true });
  const send = (...messages: readonly OutMessage[]): void => void socket.write(writer.encode(...messages));
  let shaken = false;

  const message = (received: RtmpMessage): void => {
    const { type, streamId, timestamp, body } = received;
    if (type === AUDIO || type === VIDEO || type === DATA) {
      notes.add(type, timestamp, Buffer.from(body));
      return;
    }
    const control = readControl(type, body);
    if (control?.kind === 'pingRequest') send(pingResponse(control.timestamp));
    if (type === COMMAND_AMF0) command(body, streamId);
  };
  const command = (body: Buffer, streamId: number): void => {
    const { name, transactionId, args } = readCommand(COMMAND_AMF0, body);
    if (name === '_result' && transactionId === 1) send(writeCommand('createStream', 2, [null]));
    if (name === '_result' && transactionId === 2) {
      send(writeCommand('play', 3, [null, rest.join('/'), -2000], Number(args[1])));
    }
    const status = args[1];
    if (typeof status === 'object' && status !== null && 'code' in status) notes.status = String(status.code);
    if (name === '_error' && streamId === COMMAND_STREAM) notes.end(`refused: ${notes.status}`);
  };
  socket.on('connect', () => socket.write(handshake.hello));
  socket.on('data', (bytes) => {
    if (shaken) return void reader.push(bytes, message);
    const { output, done, rest: after } = handshake.push(bytes);
    if (output !== null) socket.write(output);
    if (!done) return;
    shaken = true;
    send(writeCommand('connect', 1, [{ app: application, tcUrl: `rtmp://${host}/${application}` }]));
    reader.push(after, message);
  });
  socket.on('error', (error) => notes.end(error.message));
  socket.on('close', () => notes.end('connection closed'));
  return notes.player(
    () => socket.pause(),
    () => socket.resume(),
    () => socket.destroy(),
  );
}

/** Waits until a player has got `count` tags of media, or throws where it ends before. */
export async function untilReceived(player: Player, count: number, limit = 10_000): Promise<void> {
  await until(
    `a player gets ${count} tags`,
    () => {
      if (player.ended !== undefined) throw new Error(`the player ended: ${player.ended}`);
      return player.received.length >= count;
    },
    limit,
  );
}

/** Frames of one kind, without sequence headers and marks of the end. */
export function frames(player: Player, kind: Kind): readonly Received[] {
  return player.received.filter((received) => received.kind === kind && received.media);
}

/** The largest step between the timestamps of neighbouring frames of a kind, and the smallest, in ms. */
export function steps(player: Player, kind: Kind): { readonly largest: number; readonly smallest: number } {
  const times = frames(player, kind).map(({ time }) => time);
  const differences = times.slice(1).map((time, index) => time - times[index]!);
  return { largest: Math.max(0, ...differences), smallest: Math.min(...differences) };
}

/** What a player notes. */
class Notes {
  readonly received: Received[] = [];
  readonly startedAt = performance.now();
  status: number | string | undefined;
  ended: string | undefined;
  readonly #bodies: boolean;

  constructor({ bodies = false }: PlayerOptions) {
    this.#bodies = bodies;
  }

  add(kind: Kind, time: number, body: Buffer): void {
    const facts = tagFacts(kind, body);
    this.received.push({
      kind,
      time,
      key: (facts & KEY) !== 0,
      config: (facts & HEADER) !== 0,
      media: (facts & MEDIA) !== 0,
      at: performance.now(),
      bytes: body.length,
      body: this.#bodies ? body : undefined,
    });
  }

  end(reason: string): void {
    this.ended ??= reason;
  }

  player(pause: () => void, resume: () => void, close: () => void): Player {
    afterFile(close);
    return Object.assign(this, { pause, resume, close });
  }
}
