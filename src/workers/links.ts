import { unlinkSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import type { Hub } from '../core/hub.ts';
import { applicationOf, type StreamKey } from '../core/stream-key.ts';
import { flvHeader, flvTags } from '../wire/flv/format.ts';

/** Bytes of a request: a name has 255 at most, and so has what stands before it, with room to spare. */
const LONGEST_REQUEST = 64 * 1024;
/** Bytes that may wait for a worker that hangs; it asks anew once it is back. */
const MOST_WAITING = 32 * 1024 * 1024;

/**
 * Gives the streams of this worker to others, on a unix socket: a request is one line, the key of a stream as JSON; the
 * answer is FLV, or the end of the connection where the stream is not here.
 */
export class Links {
  readonly #hub: Hub;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(hub: Hub) {
    this.#hub = hub;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  /** Listens at `path`, in a folder that nobody else may enter. Throws the system's error. */
  static async open(hub: Hub, path: string): Promise<Links> {
    const links = new Links(hub);
    removeOld(path);
    await new Promise<void>((resolve, reject) => {
      links.#server.once('error', reject);
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
    let leave: (() => void) | undefined;
    let text = '';
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#sockets.delete(socket);
      leave?.();
    });
    socket.on('data', (bytes) => {
      if (leave !== undefined) return;
      text += bytes.toString('utf8');
      const end = text.indexOf('\n');
      if (end >= 0) leave = this.#give(socket, text.slice(0, end));
      if (leave === undefined && (end >= 0 || text.length > LONGEST_REQUEST)) socket.destroy();
    });
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
