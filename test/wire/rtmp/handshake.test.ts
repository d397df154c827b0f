import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { ProtocolError } from '../../../src/wire/protocol-error.ts';
import { clientHandshake, type Handshake, serverHandshake } from '../../../src/wire/rtmp/handshake.ts';

const PACKET = 1536;
const TAIL = Buffer.from('f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae', 'hex');
const PLAYER = Buffer.from('Genuine Adobe Flash Player 001');
const SERVER = Buffer.from('Genuine Adobe Flash Media Server 001');

const hmac = (key: Buffer, ...parts: Buffer[]): Buffer =>
  createHmac('sha256', key).update(Buffer.concat(parts)).digest();

function firstPacket(version: number): Buffer {
  const packet = Buffer.alloc(PACKET);
  for (let i = 8; i < PACKET; i++) packet[i] = (i * 31) & 0xff;
  packet.writeUInt32BE(version, 4);
  return packet;
}

function digestAt(packet: Buffer, scheme: number): number {
  let sum = 0;
  for (let i = 0; i < 4; i++) sum += packet[scheme + i]!;
  return scheme + 4 + (sum % 728);
}

function sign(packet: Buffer, scheme: number, key: Buffer): Buffer {
  const at = digestAt(packet, scheme);
  const digest = hmac(key, packet.subarray(0, at), packet.subarray(at + 32));
  digest.copy(packet, at);
  return digest;
}

/** Pushes the parts and gathers what comes out. */
function run(side: Handshake, parts: readonly Buffer[]): { out: Buffer; done: number; rest: Buffer } {
  const out: Buffer[] = [];
  for (const [index, part] of parts.entries()) {
    const step = side.push(part);
    if (step.output !== null) out.push(step.output);
    if (step.done) return { out: Buffer.concat(out), done: index, rest: step.rest };
    expect(step.rest.length).toBe(0);
  }
  return { out: Buffer.concat(out), done: -1, rest: Buffer.alloc(0) };
}

function pieces(bytes: Buffer, size: number): Buffer[] {
  const result: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) result.push(bytes.subarray(at, at + size));
  return result;
}

describe('server', () => {
  test.each([
    ['without a version', firstPacket(0)],
    ['with a version but no digest', firstPacket(0x09007c02)],
  ])('answers a client %s plainly, repeating its packet', (_, c1) => {
    const { out, done } = run(serverHandshake(), [Buffer.from([3]), c1, c1]);
    expect(done).toBe(2);
    expect(out.length).toBe(1 + 2 * PACKET);
    expect(out[0]).toBe(3);
    expect(out.readUInt32BE(5)).toBe(0);
    expect(out.subarray(1 + PACKET)).toEqual(c1);
  });

  test.each([772, 8])('answers a digest by the scheme at %i in the same way', (scheme) => {
    const c1 = firstPacket(0x80000702);
    const digest = sign(c1, scheme, PLAYER);
    const { out, done } = run(serverHandshake(), [
      Buffer.concat([Buffer.from([3]), c1]),
      Buffer.alloc(PACKET),
    ]);
    expect(done).toBe(1);
    const s1 = out.subarray(1, 1 + PACKET);
    const at = digestAt(s1, scheme);
    expect(s1.readUInt32BE(4)).not.toBe(0);
    expect(s1.subarray(at, at + 32)).toEqual(hmac(SERVER, s1.subarray(0, at), s1.subarray(at + 32)));
    const s2 = out.subarray(1 + PACKET);
    const key = hmac(Buffer.concat([SERVER, TAIL]), digest);
    expect(s2.subarray(PACKET - 32)).toEqual(hmac(key, s2.subarray(0, PACKET - 32)));
  });

  test('a digest does not count where the version is 0', () => {
    const c1 = firstPacket(0);
    sign(c1, 8, PLAYER);
    const { out } = run(serverHandshake(), [Buffer.from([3]), c1]);
    expect(out.subarray(1 + PACKET)).toEqual(c1);
  });

  test.each([1, 7, 1535, 1536, 1537, 3073, 4000])('is done whatever the pieces: %i bytes', (size) => {
    const c1 = firstPacket(0);
    const all = Buffer.concat([Buffer.from([3]), c1, Buffer.alloc(PACKET), Buffer.from('after')]);
    const parts = pieces(all, size);
    const { out, done, rest } = run(serverHandshake(), parts);
    expect(out.length).toBe(1 + 2 * PACKET);
    expect(Buffer.concat([rest, ...parts.slice(done + 1)]).toString()).toBe('after');
  });

  test.each([0, 6, 0x16, 0x47])('refuses version %i at its first byte', (version) => {
    expect(() => serverHandshake().push(Buffer.from([version]))).toThrow(ProtocolError);
  });
});

describe('client', () => {
  test('shakes hands with the server here', () => {
    const client = clientHandshake();
    const server = serverHandshake();
    const answer = server.push(client.hello);
    expect(answer.done).toBe(false);
    const c2 = client.push(answer.output!);
    expect(c2.done).toBe(true);
    const s1 = answer.output!.subarray(1, 1 + PACKET);
    const at = digestAt(s1, 8);
    const key = hmac(Buffer.concat([PLAYER, TAIL]), s1.subarray(at, at + 32));
    expect(c2.output!.subarray(PACKET - 32)).toEqual(hmac(key, c2.output!.subarray(0, PACKET - 32)));
    const end = server.push(Buffer.concat([c2.output!, Buffer.from('x')]));
    expect(end).toMatchObject({ done: true, output: null });
    expect(end.rest.toString()).toBe('x');
  });

  test('signs its first packet', () => {
    const c1 = clientHandshake().hello.subarray(1);
    const at = digestAt(c1, 8);
    expect(c1.subarray(at, at + 32)).toEqual(hmac(PLAYER, c1.subarray(0, at), c1.subarray(at + 32)));
  });

  test.each([1, 1000, 1537, 3073, 5000])(
    'repeats the packet of a plain server, in pieces of %i bytes',
    (size) => {
      const client = clientHandshake();
      const s1 = firstPacket(0);
      const all = Buffer.concat([Buffer.from([3]), s1, client.hello.subarray(1), Buffer.from('more')]);
      const parts = pieces(all, size);
      const { out, done, rest } = run(client, parts);
      expect(out).toEqual(s1);
      expect(Buffer.concat([rest, ...parts.slice(done + 1)]).toString()).toBe('more');
    },
  );

  test('refuses another version', () => {
    expect(() => clientHandshake().push(Buffer.from('HTTP/1.1'))).toThrow(ProtocolError);
  });
});
