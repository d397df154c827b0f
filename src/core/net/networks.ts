import { BlockList, isIP } from 'node:net';
import type { Word } from '../../config/statement.ts';
import type { ReadContext } from '../../config/table.ts';
import { parseNumber } from '../../config/values.ts';
import { isIPv6 } from './ip-family.ts';

/** Reads an address, ADDRESS/BITS, `unix:` or `all`, as `allow`, `deny` and trusted proxies are written. */
export function readNetwork(word: Word, context: ReadContext): string {
  const text = word.value;
  if (text === 'all' || text === 'unix:') return text;
  const [address, bits, ...more] = text.split('/');
  const family = isIP(address!);
  const most = family === 6 ? 128 : 32;
  const size = bits === undefined ? most : parseNumber(bits);
  if (family === 0 || size === null || size > most || more.length > 0) {
    return context.fail(`invalid parameter "${text}"`, word.at, 'an address, ADDRESS/BITS, unix: or all');
  }
  return `${address}/${size}`;
}

/** Reads an entry of `set_real_ip_from`; names are not resolved, so that a trusted proxy is never somebody else. */
export function readTrusted([word]: readonly Word[], context: ReadContext): string {
  if (word!.value === 'all')
    return context.fail('invalid parameter "all"', word!.at, 'an address, ADDRESS/BITS or unix:');
  return readNetwork(word!, context);
}

/** Whether an address is in any of the networks that words read by `readNetwork` name. */
export function networksTest(texts: readonly string[]): (address: string) => boolean {
  const tests = texts.map(networkTest);
  return (address) => tests.some((test) => test(address));
}

/** Whether an address (as `plainAddress` gives it) is one of those that a word read by `readNetwork` names. */
export function networkTest(text: string): (address: string) => boolean {
  if (text === 'all') return () => true;
  if (text === 'unix:') return (address) => address === 'unix:';
  const [network, bits] = text.split('/') as [string, string];
  const list = new BlockList();
  const family = isIPv6(network) ? 'ipv6' : 'ipv4';
  list.addSubnet(network, Number(bits), family);
  // The list itself takes IPv4 for a part of IPv6.
  return (address) => isIP(address) === (family === 'ipv6' ? 6 : 4) && list.check(address, family);
}

/**
 * What clients of one place share, for counting: an IPv4 address, or the first 64 bits of an IPv6 one, of which every
 * host has all the rest to itself (RFC 6177). Takes what `plainAddress` gives.
 */
export function shareOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [bare] = address.split('%', 1);
  const [head = '', tail] = bare!.split('::') as [string, string?];
  const groups = (text: string | undefined): string[] => (text ? text.split(':') : []);
  const front = groups(head);
  // An IPv4 address at the end stands for two groups.
  const back = groups(tail).flatMap((group) => (group.includes('.') ? ['0', '0'] : [group]));
  const missing = tail === undefined ? 0 : 8 - front.length - back.length;
  const all = [...front, ...Array<string>(missing).fill('0'), ...back];
  return `${all
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}
