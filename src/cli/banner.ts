import { networkInterfaces } from 'node:os';
import { type Block, childrenOf } from '../config/block.ts';
import type { Listen } from '../core/net/addresses.ts';
import type { Daemon } from '../daemon.ts';
import type { LocationMatch } from '../http/tables/location-table.ts';

/** What to do next with a server just started at a terminal, with addresses to copy. */
export function banner(daemon: Pick<Daemon, 'config' | 'watches'>, version: string): string {
  const { tree } = daemon.config;
  const took = Math.round(performance.now());
  const file = daemon.config.files[0]?.name ?? '';
  const lines = [
    `mediad ${version} (node ${process.versions.node}) ready in ${took} ms, configuration ${file}`,
    ...publishLines(tree),
    ...watchLines(tree),
    daemon.watches
      ? '  auto_reload on: edit the file, save, done (mediad -t checks first)'
      : '  auto_reload off: after a change, mediad -s reload',
  ];
  return `${lines.join('\n')}\n`;
}

const MOST = 4;

function publishLines(tree: Block): readonly string[] {
  const lines: string[] = [];
  for (const server of childrenOf(childrenOf(tree, 'rtmp')[0], 'server')) {
    const host = authority(server, 1935);
    for (const application of childrenOf(server, 'application')) {
      if (application.settings['live'] !== true) continue;
      const url = `rtmp://${host}/${application.key}`;
      lines.push(`  publish   ${url}/STREAM   OBS: server ${url}, stream key STREAM`);
    }
  }
  return shortened(lines);
}

function watchLines(tree: Block): readonly string[] {
  const lines: string[] = [];
  for (const server of childrenOf(childrenOf(tree, 'http')[0], 'server')) {
    const base = `http://${authority(server, 80)}`;
    const locations = childrenOf(server, 'location').filter((location) => uriOf(location) !== null);
    const page = locations.find(({ settings }) => ['on', 'nolist'].includes(String(settings['player'])));
    if (page !== undefined) lines.push(`  watch     ${base}${uriOf(page)}`);
    const flv = locations.find(({ settings }) => settings['flv_live'] === true);
    if (flv !== undefined) lines.push(`  HTTP-FLV  ${base}${uriOf(flv)}?app=APPLICATION&stream=STREAM`);
    if (page === undefined && flv === undefined) lines.push(`  http      ${base}/`);
  }
  return shortened(lines);
}

/** A path that a location matches; null for one by pattern, and for one that only redirects lead to. */
function uriOf(location: Block): string | null {
  const { kind, uri } = location.value as LocationMatch;
  return kind === 'pattern' || kind === 'named' ? null : uri;
}

function shortened(lines: readonly string[]): readonly string[] {
  return lines.length <= MOST
    ? lines
    : [...lines.slice(0, MOST), `            and ${lines.length - MOST} more`];
}

/** `host:port` of a server as another machine would write it; the port is left out where it is the usual one. */
function authority(server: Block, usual: number): string {
  const listens = (server.settings['listen'] ?? []) as readonly Listen[];
  const listen = listens.find(({ path }) => path === '');
  if (listen === undefined) return 'localhost';
  const host = ['0.0.0.0', '::'].includes(listen.host) ? ownAddress() : listen.host;
  const shown = host.includes(':') ? `[${host}]` : host;
  return listen.port === usual ? shown : `${shown}:${listen.port}`;
}

/** The first address of this machine that others may reach. */
function ownAddress(): string {
  for (const addresses of Object.values(networkInterfaces())) {
    const found = addresses?.find(({ family, internal }) => family === 'IPv4' && !internal);
    if (found !== undefined) return found.address;
  }
  return '127.0.0.1';
}
