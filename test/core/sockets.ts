import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

let server: Server | undefined;
const open: Socket[] = [];

/** Closes all that `pair` has opened. */
export function closeSockets(): void {
  for (const socket of open.splice(0)) socket.destroy();
  server?.close();
  server = undefined;
}

/** Has a socket closed with the others. */
export function keep(...sockets: readonly Socket[]): void {
  open.push(...sockets);
}

/** The next connection to the server of the pair made last. */
export function nextConnection(): Promise<Socket> {
  return new Promise((resolve) => server!.once('connection', resolve));
}

/** The server's side of a connection, and the client's, which does not read yet; and the server's port. */
export async function pair(): Promise<readonly [Socket, Socket, number]> {
  if (server === undefined) {
    const listening = createServer();
    server = listening;
    await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  }
  const taken = nextConnection();
  const { port } = server.address() as AddressInfo;
  const client = connect(port, '127.0.0.1');
  client.pause();
  const socket = await taken;
  keep(socket, client);
  for (const one of [socket, client]) one.on('error', () => undefined);
  return [socket, client, port];
}

/** Everything that comes until the end. */
export async function received(client: Socket): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of client) parts.push(part as Buffer);
  return Buffer.concat(parts);
}
