import { unlinkSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import type { Hub } from '../core/hub.ts';
import { applicationOf, type StreamKey } from '../core/stream-key.ts';
import { flvHeader, flvTags } from '../wire/flv/format.ts';

/** Bytes of a request: a name has 255 at most, and so has what stands before it, with room to spare. */
const LONGEST_REQUEST = 64 * 1024;
/** In which time a request must be there, ms: workers send it with the connection. */
const REQUEST_MS = 5000;
/** Connections that may be without a request at a time; above it the oldest are let go, and ask anew if they are workers. */
const MOST_SILENT = 128;
/** Bytes that may wait for a worker that hangs; it asks anew once it is back. */
const MOST_WAITING = 32 * 1024 * 1024;

/**
 * Gives the streams of this worker to others, on a unix socket: a request is one line, the key of a stream as JSON; the
 * answer is FLV, or the end of the connection where the stream is not here.
 */
export class Links {
  readonly #hub: Hub;
  readonly #patience: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Those that have not asked yet, the oldest first. */
  readonly #silent = new Set<Socket>();

  private constructor(hub: Hub, patience: number) {
    this.#hub = hub;
    this.#patience = patience;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  /**
   * Listens at `path`, in a folder that nobody else may enter; a request has `patience` ms to come. Throws the system's
   * error.
   */
  static async open(hub: Hub, path: string, patience = REQUEST_MS): Promise<Links> {
    const links = new Links(hub, patience);
    removeOld(path);
    await new Promise<void>((resolve, reject) => {
      // It stays for errors of accepting, after which it goes on.
      links.#server.on('error', reject);
      links.#server.listen(path, resolve);
    });
    return links;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    this.#silent.add(socket);
    if (this.#silent.size > MOST_SILENT) this.#drop(this.#silent.values().next().value!);
    const late = setTimeout(() => this.#drop(socket), this.#patience);
    let leave: (() => void) | undefined;
    let text = '';
    socket.setEncoding('utf8');
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      clearTimeout(late);
      this.#sockets.delete(socket);
      this.#silent.delete(socket);
      leave?.();
    });
    socket.on('data', (more: string) => {
      text += more;
      const end = text.indexOf('\n');
      if (end < 0 && text.length <= LONGEST_REQUEST) return;
      clearTimeout(late);
      this.#silent.delete(socket);
      // A worker says nothing after its request.
      const whole = leave === undefined && end >= 0 && end === text.length - 1;
      if (whole) leave = this.#give(socket, text.slice(0, end));
      if (!whole || leave === undefined) socket.destroy();
    });
  }

  #drop(socket: Socket): void {
    this.#silent.delete(socket);
    socket.destroy();
  }

  /** Sends what comes of a stream, one write for each read of its publisher; what it returns ends that. */
  #give(socket: Socket, line: string): (() => void) | undefined {
    const key = readKey(line);
    const application = key === null ? undefined : applicationOf(this.#hub, key);
    const stream = key === null ? undefined : application?.streams.get(key.name);
    if (application === undefined || stream === undefined || application.isForeign(stream)) return undefined;
    socket.write(flvHeader(true, true));
    let tags: Buffer[] = [];
    const send = (): void => {
      if (tags.length === 0) return;
      socket.write(tags.length === 1 ? tags[0]! : Buffer.concat(tags));
      tags = [];
      if (socket.writableLength > MOST_WAITING) socket.destroy();
    };
    const untap = stream.tap({
      keeps: false,
      packet: (packet) => void tags.push(flvTags([packet], 0, 0)),
      endOfRead: send,
    });
    const giveBack = application.loans.lend(key!.name);
    send();
    return () => {
      untap();
      giveBack();
    };
  }
}

function readKey(line: string): StreamKey | null {
  try {
    const { place, app, name } = JSON.parse(line) as Readonly<Record<string, unknown>>;
    if (typeof place !== 'string' || typeof app !== 'string' || typeof name !== 'string') return null;
    return { place, app, name };
  } catch {
    return null;
  }
}

/** What one before has left that was killed. */
function removeOld(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
