import { describe, expect, test } from 'vitest';
import { readProxyHeader } from '../../../src/core/connections/proxy-protocol.ts';

const SIGNATURE = '0d0a0d0a000d0a515549540a';

function binary(hex: string): Buffer {
  return Buffer.from(SIGNATURE + hex.replaceAll(' ', ''), 'hex');
}

function line(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

const FOUR = {
  source: { address: '203.0.113.7', port: 50000 },
  target: { address: '192.0.2.1', port: 1935 },
};
const SIX = {
  source: { address: '2001:db8::7', port: 50000 },
  target: { address: '2001:db8::1', port: 443 },
};
const MAPPED = {
  source: { address: '::ffff:203.0.113.7', port: 1 },
  target: { address: '::', port: 2 },
};

const SIX_BYTES = `20010db8 0000 0000 0000 0000 0000 0007 20010db8 0000 0000 0000 0000 0000 0001 c350 01bb`;

const WHOLE: readonly (readonly [string, Buffer, object | null])[] = [
  ['1, IPv4', line('PROXY TCP4 203.0.113.7 192.0.2.1 50000 1935\r\n'), FOUR],
  ['1, IPv6', line('PROXY TCP6 2001:db8::7 2001:db8::1 50000 443\r\n'), SIX],
  ['1, unknown', line('PROXY UNKNOWN\r\n'), null],
  ['1, unknown with what it knows', line('PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n'), null],
  ['2, IPv4', binary('21 11 000c cb007107 c0000201 c350 078f'), FOUR],
  ['2, IPv4 over datagrams', binary('21 12 000c cb007107 c0000201 c350 078f'), FOUR],
  ['2, IPv4 with further fields', binary('21 11 0010 cb007107 c0000201 c350 078f 04 0001 ff'), FOUR],
  ['2, IPv6', binary(`21 21 0024 ${SIX_BYTES}`), SIX],
  ['2, mapped IPv4', binary(`21 21 0024 ${'0'.repeat(20)}ffff cb007107 ${'0'.repeat(32)} 0001 0002`), MAPPED],
  ['2, the proxy itself', binary('20 11 000c cb007107 c0000201 c350 078f'), null],
  ['2, the proxy itself without addresses', binary('20 00 0000'), null],
  ['2, unix sockets', binary(`21 31 00d8 ${'00'.repeat(216)}`), null],
  ['2, unspecified', binary('21 00 0003 010203'), null],
];

const WRONG: readonly (readonly [string, Buffer, RegExp])[] = [
  ['RTMP', line('\x03abcdefghijkl'), /does not begin/],
  ['HTTP', line('GET / HTTP/1.1\r\n'), /does not begin/],
  ['a POST, which begins like it', line('POST / HTTP/1.1\r\n'), /does not begin/],
  ['a signature that goes wrong', Buffer.from('0d0a0d0a000d0a515549540b', 'hex'), /does not begin/],
  ['a line without an end', line(`PROXY TCP4 ${'1'.repeat(100)}`), /too long/],
  ['a line that ends too late', line(`PROXY UNKNOWN ${'1'.repeat(100)}\r\n`), /too long/],
  ['no addresses', line('PROXY TCP4\r\n'), /no sense/],
  ['an IPv6 address in TCP4', line('PROXY TCP4 ::1 192.0.2.1 1 2\r\n'), /no sense/],
  ['an IPv4 address in TCP6', line('PROXY TCP6 192.0.2.1 ::1 1 2\r\n'), /no sense/],
  ['another family', line('PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n'), /no sense/],
  ['too many words', line('PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n'), /no sense/],
  ['two spaces', line('PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n'), /no sense/],
  ['a port that is too high', line('PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n'), /ports/],
  ['a port with a sign', line('PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n'), /ports/],
  ['a missing port', line('PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n'), /ports/],
  ['version 3', binary('31 11 000c cb007107 c0000201 c350 078f'), /version/],
  ['version 3, at once', binary('31'), /version/],
  ['another command', binary('22 11 000c cb007107 c0000201 c350 078f'), /command/],
  ['addresses cut short', binary('21 11 000b cb007107 c0000201 c350 07'), /too short/],
  ['IPv6 addresses cut short', binary('21 21 000c cb007107 c0000201 c350 078f'), /too short/],
  ['more than anybody needs, before it comes', binary('21 11 ffff'), /too long/],
];

describe('the PROXY header', () => {
  test.each(WHOLE)('version %s', (_, header, proxied) => {
    const bytes = Buffer.concat([header, Buffer.from('rest')]);
    expect(readProxyHeader(bytes)).toEqual({ kind: 'whole', length: header.length, proxied });
    expect(readProxyHeader(header)).toEqual({ kind: 'whole', length: header.length, proxied });
    for (let end = 0; end < header.length; end++) {
      expect(readProxyHeader(header.subarray(0, end)), `the first ${end} bytes`).toEqual({ kind: 'part' });
    }
  });

  test.each(WRONG)('%s is none', (_, bytes, reason) => {
    const header = readProxyHeader(bytes);
    expect(header.kind === 'wrong' ? header.reason : header).toMatch(reason);
  });

  test('is found, or not, in whatever comes', () => {
    let seed = 7;
    const random = (): number => {
      seed = (seed * 1103515245 + 12345) >>> 0;
      return seed >>> 8;
    };
    for (let round = 0; round < 3000; round++) {
      const bytes = Buffer.from(WHOLE[random() % WHOLE.length]![1]);
      bytes[random() % bytes.length] = random() % 256;
      const header = readProxyHeader(bytes);
      if (header.kind === 'whole') expect(header.length).toBeLessThanOrEqual(bytes.length);
    }
  });
});
