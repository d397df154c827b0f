import { isIPv6 as isAddress } from 'node:net';

/** As `isIPv6` of node:net, which compiles a pattern of 4 ms at its first call, for texts that are none at a glance. */
export function isIPv6(text: string): boolean {
  return text.includes(':') && isAddress(text);
}
