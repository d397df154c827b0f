import { networkInterfaces } from 'node:os';
import type { Listen } from './addresses.ts';

const LOOPBACK = /^(127\.[0-9.]+|::1|localhost)$/i;

/**
 * Whether a connection to `host` and `port` from this machine ends at this `listen`. Names other than `localhost` are
 * not resolved: whether they mean this machine can change. `host` has no brackets.
 */
export function isOwnAddress(listen: Listen, host: string, port: number): boolean {
  if (listen.path !== '' || listen.port !== port) return false;
  const name = host.toLowerCase();
  if (listen.host.toLowerCase() === name) return true;
  if (name === 'localhost') return ['127.0.0.1', '::1', '0.0.0.0', '::'].includes(listen.host);
  const six = name.includes(':');
  const any = six ? '::' : '0.0.0.0';
  const both = !six && listen.host === '::' && !listen.ipv6only;
  if (listen.host !== any && !both) return false;
  return LOOPBACK.test(name) || addressesHere().includes(name);
}

function addressesHere(): string[] {
  return Object.values(networkInterfaces()).flatMap((infos) => (infos ?? []).map(({ address }) => address));
}
