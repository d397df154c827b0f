import { connect, type Socket } from 'node:net';
import { AUDIO, DATA, VIDEO } from '../../src/media/packet.ts';
import type { AmfObject, AmfValue } from '../../src/wire/amf.ts';
import { type AmfWritable, type AmfWritableObject, readAmf0Values, writeAmf0 } from '../../src/wire/amf0.ts';
import { ChunkReader } from '../../src/wire/rtmp/chunk-reader.ts';
import { ChunkWriter } from '../../src/wire/rtmp/chunk-writer.ts';
import { type Command, readCommand } from '../../src/wire/rtmp/commands.ts';
import { clientHandshake } from '../../src/wire/rtmp/handshake.ts';
import {
  AUDIO_CSID,
  COMMAND_AMF0,
  COMMAND_AMF3,
  type Control,
  type OutMessage,
  readControl,
  VIDEO_CSID,
} from '../../src/wire/rtmp/messages.ts';

/** A message as it came, its body copied. */
export interface Got {
  readonly type: number;
  readonly streamId: number;
  readonly timestamp: number;
  readonly body: Buffer;
}

export interface ClientOptions {
  /** Bytes per write: everything is sent in pieces of this size. */
  readonly piece?: number;
  /** Commands go as type 17, as a client with objectEncoding 3 sends them. */
  readonly amf3?: boolean;
  readonly host?: string;
  /** Sent before the handshake, as a proxy does. */
  readonly preface?: Buffer;
}

/** The control messages of a kind, with their fields. */
type ControlOf<K, C = Control> = C extends { readonly kind: infer Kind }
  ? K extends Kind
    ? C
    : never
  : never;

/** A client of RTMP that shows a test all it gets. */
export class RtmpClient {
  readonly socket: Socket;
  /** Everything but Set Chunk Size, in order. */
  readonly got: Got[] = [];
  readonly closed: Promise<'end' | 'reset'>;
  readonly #writer = new ChunkWriter();
  readonly #options: ClientOptions;
  #taken = 0;
  #transaction = 0;
  #over = false;
  #wake: (() => void)[] = [];

  constructor(socket: Socket, options: ClientOptions) {
    this.socket = socket;
    this.#options = options;
    this.closed = new Promise((resolve) => {
      let reset = false;
      socket.on('error', () => {
        reset = true;
      });
      socket.on('close', () => {
        this.#over = true;
        this.#notify();
        resolve(reset ? 'reset' : 'end');
      });
    });
  }

  get chunkSize(): number {
    return this.#writer.chunkSize;
  }

  write(bytes: Buffer): void {
    const size = this.#options.piece ?? bytes.length;
    for (let at = 0; at < bytes.length; at += size) this.socket.write(bytes.subarray(at, at + size));
  }

  send(...messages: readonly OutMessage[]): void {
    this.write(this.#writer.encode(...messages));
  }

  setChunkSize(size: number): void {
    this.write(this.#writer.setChunkSize(size));
  }

  /** Begins to read chunks; `first` came behind the handshake. */
  begin(first: Buffer): void {
    const reader = new ChunkReader({ maxMessage: 64 * 1024 * 1024, maxStreams: 64 });
    const receive = (bytes: Buffer): void => {
      reader.push(bytes, ({ type, streamId, timestamp, body }) => {
        this.got.push({ type, streamId, timestamp, body: Buffer.from(body) });
      });
      this.#notify();
    };
    receive(first);
    this.socket.on('data', receive);
  }

  #notify(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  /** The next message that fits, among those not given out yet; those before it are passed over. */
  async next<T>(read: (message: Got) => T | undefined, what: string, ms = 5000): Promise<T> {
    const end = performance.now() + ms;
    for (;;) {
      while (this.#taken < this.got.length) {
        const found = read(this.got[this.#taken++]!);
        if (found !== undefined) return found;
      }
      const left = end - performance.now();
      if (this.#over) throw new Error(`the server closed the connection before ${what}`);
      if (left <= 0) throw new Error(`no ${what} within ${ms} ms`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  /** Sends a command and returns its transaction id. */
  call(name: string, args: readonly AmfWritable[], streamId = 0): number {
    this.#transaction += 1;
    const body = writeAmf0(name, this.#transaction, ...args);
    const { amf3 } = this.#options;
    this.send({
      csid: 3,
      type: amf3 === true ? COMMAND_AMF3 : COMMAND_AMF0,
      streamId,
      timestamp: 0,
      body: amf3 === true ? Buffer.concat([Buffer.alloc(1), body]) : body,
    });
    return this.#transaction;
  }

  command(name: string): Promise<Command & { readonly streamId: number }> {
    return this.next((message) => {
      const command = commandOf(message);
      return command?.name === name ? { ...command, streamId: message.streamId } : undefined;
    }, name);
  }

  /** The answer to a call, `_result` or `_error`. */
  answer(transactionId: number): Promise<Command> {
    return this.next((message) => {
      const command = commandOf(message);
      return command?.transactionId === transactionId ? command : undefined;
    }, `answer to call ${transactionId}`);
  }

  /** The object of the next onStatus with that code. */
  status(code: string): Promise<AmfObject & { readonly streamId: number }> {
    return this.next((message) => {
      const command = commandOf(message);
      const info = command?.args[1] as AmfObject | undefined;
      return command?.name === 'onStatus' && info?.['code'] === code
        ? { ...info, streamId: message.streamId }
        : undefined;
    }, code);
  }

  control<K extends Control['kind']>(kind: K): Promise<ControlOf<K>> {
    return this.next((message) => {
      const control = message.type < 8 ? readControl(message.type, message.body) : null;
      return control?.kind === kind ? (control as ControlOf<K>) : undefined;
    }, kind);
  }

  /** The next audio, video or data message. */
  media(): Promise<Got> {
    return this.next((message) => (isMedia(message) ? message : undefined), 'media');
  }

  async connect(app: string, more: AmfWritableObject = {}): Promise<Command> {
    const tcUrl = `rtmp://127.0.0.1:${this.socket.remotePort}/${app}`;
    return await this.answer(this.call('connect', [{ app, flashVer: 'test', tcUrl, ...more }]));
  }

  async createStream(): Promise<number> {
    const { args } = await this.answer(this.call('createStream', [null]));
    return args[1] as number;
  }

  /** Takes a name; throws where the server refuses. */
  async publish(name: string, streamId?: number): Promise<number> {
    const id = streamId ?? (await this.createStream());
    this.call('publish', [null, name, 'live'], id);
    await this.status('NetStream.Publish.Start');
    return id;
  }

  async play(name: string, streamId?: number): Promise<number> {
    const id = streamId ?? (await this.createStream());
    this.call('play', [null, name, -2], id);
    await this.status('NetStream.Play.Start');
    return id;
  }

  /** A media message of the publisher. */
  push(kind: number, timestamp: number, body: Buffer, streamId = 1): void {
    const csid = kind === AUDIO ? AUDIO_CSID : kind === VIDEO ? VIDEO_CSID : 8;
    this.send({ csid, type: kind, streamId, timestamp, body });
  }

  data(values: readonly AmfWritable[], streamId = 1): void {
    this.push(DATA, 0, writeAmf0(...values), streamId);
  }

  /** The names of the commands that have come so far, with the code of statuses; controls by their kind. */
  get story(): readonly string[] {
    return this.got.map((message) => {
      if (isMedia(message))
        return message.type === DATA ? `data ${String(readAmf0Values(message.body)[0])}` : 'media';
      const command = commandOf(message);
      if (command === null) return readControl(message.type, message.body)?.kind ?? `type ${message.type}`;
      const code = (command.args[1] as AmfObject | undefined)?.['code'] as AmfValue;
      return typeof code === 'string' ? `${command.name} ${code}` : command.name;
    });
  }

  destroy(): void {
    this.socket.destroy();
  }
}

function isMedia({ type }: Got): boolean {
  return type === AUDIO || type === VIDEO || type === DATA;
}

function commandOf({ type, body }: Got): Command | null {
  return type === COMMAND_AMF0 || type === COMMAND_AMF3 ? readCommand(type, body) : null;
}

/** Opens a connection and does the handshake. */
export async function openClient(port: number, options: ClientOptions = {}): Promise<RtmpClient> {
  const socket = connect(port, options.host ?? '127.0.0.1');
  socket.setNoDelay(true);
  const client = new RtmpClient(socket, options);
  const handshake = clientHandshake();
  client.write(Buffer.concat([options.preface ?? Buffer.alloc(0), handshake.hello]));
  const rest = await new Promise<Buffer>((resolve, reject) => {
    const data = (bytes: Buffer): void => {
      const step = handshake.push(bytes);
      if (step.output !== null) client.write(step.output);
      if (!step.done) return;
      socket.removeListener('data', data);
      resolve(step.rest);
    };
    socket.on('data', data);
    socket.once('close', () => reject(new Error('closed in the handshake')));
  });
  client.begin(rest);
  return client;
}

/** Opens a connection to an application. */
export async function connectTo(port: number, app: string, options: ClientOptions = {}): Promise<RtmpClient> {
  const client = await openClient(port, options);
  const answer = await client.connect(app);
  if (answer.name !== '_result') throw new Error(`connect: ${JSON.stringify(answer.args)}`);
  return client;
}
