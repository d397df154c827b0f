import { createHash } from 'node:crypto';
import { chmodSync, lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { AlreadyRunning } from './already-running.ts';

/** What the command line asks of the running server. */
export type ControlRequest =
  | { readonly command: 'reload' | 'status' }
  /** What a reload would do; of another main file, where one is given by its absolute path. */
  | { readonly command: 'plan'; readonly file?: string };

/** The answer: lines to print, and the same as data. */
export interface ControlReply {
  readonly ok: boolean;
  readonly text: readonly string[];
  readonly data: unknown;
}

/** Bytes that the path of a unix socket may have (sun_path, without the final NUL). */
const LONGEST_PATH = 107;
const LONGEST_REQUEST = 64 * 1024;
const LONGEST_REPLY = 16 * 1024 * 1024;

/**
 * The control socket that belongs to a pid file: beside it, or, where that path is too long for a socket, under a
 * name made of it in the folder for temporary files.
 */
export function controlPath(pidPath: string): string {
  const beside = `${resolve(pidPath).replace(/\.pid$/, '')}.sock`;
  if (Buffer.byteLength(beside) <= LONGEST_PATH) return beside;
  const name = createHash('sha256').update(beside).digest('hex').slice(0, 16);
  return join(tmpdir(), `mediad-${userInfo().uid}-${name}.sock`);
}

/** The server's end: one line of JSON per request and per reply. Binding it also keeps a second server out. */
export class ControlSocket {
  readonly path: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(path: string, server: Server) {
    this.path = path;
    this.#server = server;
  }

  /** Binds the socket, for its owner alone; throws AlreadyRunning, or the system's error. */
  static async open(
    path: string,
    answer: (request: ControlRequest) => Promise<ControlReply>,
  ): Promise<ControlSocket> {
    mkdirSync(dirname(path), { recursive: true });
    if (await answers(path)) throw new AlreadyRunning(null, path);
    removeStale(path);
    const server = createServer();
    const control = new ControlSocket(path, server);
    server.on('connection', (socket) => control.#serve(socket, answer));
    await bind(server, path);
    return control;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  close(): void {
    // Node removes the path of a closed unix server by itself, where it may.
    this.#server.close();
    for (const socket of this.#sockets) socket.end();
  }

  #serve(socket: Socket, answer: (request: ControlRequest) => Promise<ControlReply>): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    let text = '';
    socket.setEncoding('utf8');
    let asked = false;
    socket.on('data', (chunk: string) => {
      if (asked) return;
      text += chunk;
      if (text.length > LONGEST_REQUEST) socket.destroy();
      const end = text.indexOf('\n');
      if (end < 0) return;
      const request = parseRequest(text.slice(0, end));
      asked = true;
      const reply =
        request === null
          ? Promise.resolve({ ok: false, text: ['mediad: [error] unknown control request'], data: null })
          : answer(request);
      reply.then(
        (value) => socket.end(`${JSON.stringify(value)}\n`),
        () => socket.destroy(),
      );
    });
  }
}

/** Asks the server behind a control socket; throws the system's error where nobody answers in time. */
export function ask(path: string, request: ControlRequest, timeoutMs: number): Promise<ControlReply> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let text = '';
    const fail = (error: Error): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(error);
    };
    const timer = setTimeout(() => fail(new Error(`no answer in ${timeoutMs / 1000} s`)), timeoutMs);
    socket.setEncoding('utf8');
    socket.on('connect', () => {
      if (isForeign(path)) fail(new Error(`${path} belongs to another user`));
      else socket.write(`${JSON.stringify(request)}\n`);
    });
    socket.on('error', fail);
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (text.length > LONGEST_REPLY) fail(new Error('the answer is too long'));
    });
    socket.on('end', () => {
      clearTimeout(timer);
      try {
        resolve(JSON.parse(text) as ControlReply);
      } catch {
        reject(new Error('the server went away'));
      }
    });
  });
}

function parseRequest(line: string): ControlRequest | null {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== 'object' || value === null || !('command' in value)) return null;
    const { command } = value;
    if (command === 'reload' || command === 'status') return { command };
    if (command !== 'plan') return null;
    return 'file' in value && typeof value.file === 'string' ? { command, file: value.file } : { command };
  } catch {
    return null;
  }
}

/** In a folder that everybody may write to, somebody else's socket could stand where ours would. Root may ask anyone. */
function isForeign(path: string): boolean {
  const { uid } = userInfo();
  return uid !== 0 && lstatSync(path).uid !== uid;
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function removeStale(path: string): void {
  try {
    if (lstatSync(path).isSocket()) unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

function bind(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // The socket must not be open to others even for the moment before its mode is set.
    const mask = process.umask(0o177);
    server.listen(path, () => {
      server.removeListener('error', reject);
      server.on('error', () => undefined);
      chmodSync(path, 0o600);
      resolve();
    });
    process.umask(mask);
  });
}
