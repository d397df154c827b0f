import { isIP } from 'node:net';
import type { Settings } from '../../config/table.ts';
import type { Endpoint } from '../../core/connections/proxy-protocol.ts';
import { plainAddress } from '../../core/net/addresses.ts';
import { networksTest } from '../../core/net/networks.ts';
import type { Exchange } from '../requests/exchange.ts';
import type { realIpTable } from '../tables/real-ip-table.ts';

/** Finds the client of a request behind the proxies of its place; null where it stays who is connected. */
export type RealIp = (exchange: Exchange) => Endpoint | null;

/** How a place finds clients, or null where it believes nobody. */
export function realIpOf(conf: Settings<typeof realIpTable>): RealIp | null {
  if (conf.set_real_ip_from.length === 0) return null;
  const trusted = networksTest(conf.set_real_ip_from);
  const { real_ip_header: field, real_ip_recursive: recursive } = conf;
  return (exchange) => {
    const { connection } = exchange;
    if (!trusted(connection.address)) return null;
    if (field === 'proxy_protocol') {
      const source = connection.proxied?.source;
      return source === undefined ? null : { address: plainAddress(source.address), port: source.port };
    }
    return fromList(exchange.header(field) ?? '', trusted, recursive);
  };
}

/**
 * The last address of a list, or with `recursive` the last that is not trusted: those before it are what anybody may
 * have written. A part that is no address ends the search.
 */
function fromList(text: string, trusted: (address: string) => boolean, recursive: boolean): Endpoint | null {
  let found: Endpoint | null = null;
  for (let end = text.length; end > 0; ) {
    const comma = text.lastIndexOf(',', end - 1);
    const part = text.slice(comma + 1, end).trim();
    end = comma;
    if (part === '') continue;
    const next = readEndpoint(part);
    if (next === null) return found;
    found = next;
    if (!recursive || !trusted(found.address)) return found;
  }
  return found;
}

/** `ADDRESS`, `ADDRESS:PORT` or `[ADDRESS]:PORT`. */
function readEndpoint(text: string): Endpoint | null {
  if (isIP(text) !== 0) return { address: plainAddress(text), port: 0 };
  const match = /^(?:\[([^\]]+)\]|([0-9.]+))(?::([0-9]{1,5}))?$/.exec(text);
  const address = match?.[1] ?? match?.[2] ?? '';
  const port = Number(match?.[3] ?? 0);
  return isIP(address) === 0 || port > 65_535 ? null : { address: plainAddress(address), port };
}
