import { expect, test } from 'vitest';
import { networkTest, readNetwork } from '../../src/core/networks.ts';

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
