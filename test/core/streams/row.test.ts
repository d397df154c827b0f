import type { Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { SocketSink } from '../../../src/core/connections/sink.ts';
import type { Framing } from '../../../src/core/streams/framing.ts';
import { inter, key, setUpStream, textFormat, vHeader } from '../fixtures.ts';
import { closeSockets, pair, received } from '../sockets.ts';

afterEach(closeSockets);

/** More than the kernel keeps for one connection. */
const MUCH = 24_000_000;

interface Player {
  readonly socket: Socket;
  readonly client: Socket;
  readonly sink: SocketSink;
  readonly seat: ReturnType<ReturnType<typeof setUpStream>['stream']['join']>;
}

/** A live stream, and players of it on real connections. */
async function setUp(count: number, patience = MUCH / 4, framing: Framing = 'plain') {
  const set = setUpStream();
  set.send(vHeader(), key(0), inter(40));
  const format = textFormat();
  const join = async (): Promise<Player> => {
    const [socket, client] = await pair();
    const sink = new SocketSink(socket, () => undefined);
    const seat = set.stream.join(format, sink, framing, { bytes: patience, stall: 1000 });
    return { socket, client, sink, seat };
  };
  const players: Player[] = [];
  for (let i = 0; i < count; i += 1) players.push(await join());
  return { ...set, format, players, join };
}

async function all({ sink, client }: Player): Promise<string> {
  const reading = received(client);
  sink.end();
  return (await reading).toString('latin1');
}

test('players in step get each batch once, and are counted with it', async () => {
  const { send, players, stream } = await setUp(4);
  for (let time = 80; time < 2000; time += 40) send(time % 400 === 0 ? key(time) : inter(time));
  const bytes = players.map(({ seat }) => seat.bytes);
  expect(players.every(({ seat }) => seat.row !== null)).toBe(true);
  const texts = await Promise.all(players.map(all));
  const times = [...texts[0]!.matchAll(/[Kv](\d+)/g)].map(([, time]) => Number(time));
  expect(times).toEqual(Array.from({ length: 50 }, (_, i) => i * 40));
  expect(new Set(texts).size).toBe(1);
  expect(bytes).toEqual(texts.map(({ length }) => length));
  expect(stream.bytesOut).toBe(4 * texts[0]!.length);
});

test('chunks are framed the same for who has just come and for who is in step', async () => {
  const { send, players, join } = await setUp(1, MUCH, 'chunked');
  send(inter(80), inter(120));
  const late = await join();
  send(inter(160));
  const body = (text: string): string => text.replace(/(?:^|\r\n)[0-9a-f]+\r\n/g, '').trim();
  const [first, second] = [body(await all(players[0]!)), body(await all(late))];
  expect(first).toBe('<hV1> K0 v40 v80 v120 v160');
  expect(second).toBe(first);
});

test('what the owner of a connection has to say keeps its place', async () => {
  const { send, players } = await setUp(3);
  const [, talker] = players;
  for (let time = 80; time <= 400; time += 40) {
    if (time % 120 === 0) talker!.sink.send(`!${time} `);
    send(inter(time));
  }
  expect(talker!.seat.row).not.toBe(null);
  const texts = await Promise.all(players.map(all));
  expect(texts[1]).toContain('v80 !120 v120 v160 v200 !240 v240 v280 v320 !360 v360 v400');
  expect(texts[1]!.replace(/!\d+ /g, '')).toBe(texts[0]);
  expect(texts[2]).toBe(texts[0]);
  expect(talker!.seat.bytes).toBe(texts[0]!.length);
});

test('who does not read leaves the row, is skipped, and comes back at a key frame', async () => {
  const { stream, players, send } = await setUp(3, 1000);
  const [, slow] = players;
  const fast = [players[0]!, players[2]!];
  const readers = fast.map(({ client }) => received(client));
  send(inter(80));
  expect(players.every(({ seat }) => seat.row !== null)).toBe(true);
  // More than the kernel takes of who does not read.
  slow!.sink.write(Buffer.alloc(MUCH, '.'));
  expect(slow!.seat.row).toBe(null);
  expect(slow!.sink.backlog).toBeGreaterThan(0);
  send(inter(120), inter(160));
  expect([slow!.seat.row, slow!.seat.skips, slow!.seat.skippedPackets]).toEqual([null, 1, 2]);
  const reading = received(slow!.client);
  await expect.poll(() => slow!.sink.backlog).toBe(0);
  send(inter(200), key(240), inter(280), inter(320));
  expect(slow!.seat.row).not.toBe(null);
  for (const { sink } of players) sink.end();
  const ends = (await Promise.all(readers)).map((bytes) => bytes.toString('latin1'));
  expect(ends[0]).toContain('v80 v120 v160 v200 K240 v280 v320');
  expect(ends[1]).toBe(ends[0]);
  expect((await reading).toString('latin1').replace(/\.+/, ' ... ')).toContain('v80  ... K240 v280 v320');
  expect(stream.players).toBe(3);
});

test('a batch that the kernel takes in part goes on where it stopped, and nobody else waits', async () => {
  const set = setUpStream();
  const big = { ...textFormat(), name: 'big' };
  const plain = big.muxer();
  // Each packet of this format is as long as its body.
  const format = {
    ...big,
    muxer: () => ({
      ...plain,
      encode: (packets: readonly { readonly body: Buffer }[], head: number, tail: number) => {
        const body = Buffer.concat(packets.map((one) => one.body));
        return Buffer.concat([Buffer.alloc(head), body, Buffer.alloc(tail)]).subarray(
          head,
          head + body.length,
        );
      },
    }),
  };
  set.send(vHeader(), key(0));
  const players: Player[] = [];
  for (let i = 0; i < 3; i += 1) {
    const [socket, client] = await pair();
    const sink = new SocketSink(socket, () => undefined);
    const seat = set.stream.join(format, sink, 'plain', { bytes: 2 * MUCH, stall: 1000 });
    players.push({ socket, client, sink, seat });
  }
  set.send(inter(40));
  expect(players.every(({ seat }) => seat.row !== null)).toBe(true);
  set.send(inter(80, MUCH));
  expect(players.map(({ seat }) => seat.row)).toEqual([null, null, null]);
  const before = players.map(({ seat }) => seat.bytes);
  set.send(inter(120), inter(160));
  const texts = await Promise.all(
    players.map(({ client, sink }) => {
      sink.end();
      return received(client);
    }),
  );
  for (const [i, { seat }] of players.entries()) {
    expect(texts[i]!.length).toBe(seat.bytes);
    expect(seat.bytes).toBeGreaterThan(before[i]!);
    expect(texts[i]!.equals(texts[0]!)).toBe(true);
  }
});

test('who leaves in the middle takes nobody’s place, and a connection that is gone ends alone', async () => {
  const { send, players, stream, format } = await setUp(4);
  send(inter(80));
  stream.leave(format, players[1]!.seat);
  send(inter(120));
  players[2]!.socket.destroy();
  send(inter(160), inter(200));
  stream.leave(format, players[2]!.seat);
  send(inter(240));
  const [first, , , last] = players;
  expect([first!.seat.row !== null, players[1]!.seat.row, players[2]!.seat.row]).toEqual([true, null, null]);
  const texts = await Promise.all([first!, players[1]!, last!].map(all));
  expect(texts[0]).toContain('v80 v120 v160 v200 v240');
  expect(texts[1]).toMatch(/v80 $/);
  expect(texts[2]).toBe(texts[0]);
});

test('with another publisher, players in step wait for a place to begin', async () => {
  const { send, players, stream } = await setUp(2);
  send(inter(80));
  stream.end();
  stream.begin();
  send(inter(1000), vHeader('V2'), inter(1040), key(1080), inter(1120));
  expect(players.every(({ seat }) => seat.row !== null)).toBe(true);
  const texts = await Promise.all(players.map(all));
  expect(texts[0]).toMatch(/v80 \(hV2> K\d+ v\d+ $/);
  expect(texts[1]).toBe(texts[0]);
});
