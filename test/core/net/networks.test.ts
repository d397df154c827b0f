import { expect, test } from 'vitest';
import { networkTest, readNetwork, shareOf } from '../../../src/core/net/networks.ts';

const context = {
  fail: (message: string): never => {
    throw new Error(message);
  },
} as never;

function matches(network: string, address: string): boolean {
  const word = { value: network, quoted: false, at: { file: 'a', line: 1, column: 1, length: 1 } };
  return networkTest(readNetwork(word, context))(address);
}

test.each([
  ['unix:', 'unix:', true],
  ['unix:', '127.0.0.1', false],
  ['all', 'unix:', true],
  ['0.0.0.0/0', 'unix:', false],
  ['0.0.0.0/0', '203.0.113.1', true],
  ['0.0.0.0/0', '::1', false],
  ['::/0', '203.0.113.1', false],
  ['::/0', '::1', true],
  ['fe80::/10', 'fe80::1%eth0', true],
  ['203.0.113.1', '203.0.113.1', true],
  ['203.0.113.1', '203.0.113.2', false],
  ['203.0.113.77/24', '203.0.113.2', true],
])('%s and %s', (network, address, expected) => {
  expect(matches(network, address)).toBe(expected);
});

test.each(['127.0.0.1/8/8', '127.0.0.1/', '127.0.0.1/33', '::/129', 'localhost', '', '1.2.3'])(
  '%s is no network',
  (network) => {
    expect(() => matches(network, '127.0.0.1')).toThrow('invalid parameter');
  },
);

test.each([
  ['203.0.113.7', '203.0.113.7'],
  ['unix:', 'unix:'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['2001:DB8:0:0:1:2:3:4', '2001:db8:0:0::/64'],
  ['2001:db8:0:1::1', '2001:db8:0:1::/64'],
  ['2001:0db8:a::b:c:d', '2001:db8:a:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['::', '0:0:0:0::/64'],
  ['1::', '1:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['64:ff9b:1:2:3:4:192.0.2.1', '64:ff9b:1:2::/64'],
  ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
])('%s is counted as %s', (address, share) => {
  expect(shareOf(address)).toBe(share);
});
