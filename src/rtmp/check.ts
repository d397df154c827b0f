import { type Block, childrenOf, settingsOf } from '../config/block.ts';
import type { Diagnostic } from '../config/errors.ts';
import type { Wanted } from '../core/connections/listeners.ts';
import type { Listen } from '../core/net/addresses.ts';
import type { ServerSpec } from '../core/server.ts';
import { RTMP_PORT, rtmpServerTable } from './directives.ts';

/** Where a server without `listen` listens. */
const DEFAULT_LISTEN: Listen = {
  key: `0.0.0.0:${RTMP_PORT}`,
  host: '0.0.0.0',
  port: RTMP_PORT,
  path: '',
  defaultServer: false,
  ipv6only: true,
  ssl: false,
  http2: false,
  proxyProtocol: false,
  backlog: null,
  keepalive: null,
};

/** What a tree still has wrong for the RTMP server. */
export function checkRtmp(tree: Block): readonly Diagnostic[] {
  return serverSpecs(tree).flatMap((spec, index, all) => [
    ...refusedOptions(spec),
    ...nameConflicts(spec, all.slice(0, index)),
    ...silentApplications(spec),
    ...openProxies(spec),
  ]);
}

/** The addresses that a tree wants RTMP on. */
export function rtmpWanted(tree: Block): readonly Wanted[] {
  return serverSpecs(tree).flatMap(({ listens, block }) =>
    listens.map((listen) => ({
      listen,
      protocol: 'rtmp' as const,
      at: listen.at ?? block.origins['listen'] ?? block.at,
    })),
  );
}

/** The `server` blocks of `rtmp`. */
export function serverSpecs(tree: Block): readonly ServerSpec[] {
  return childrenOf(tree, 'rtmp')
    .flatMap((rtmp) => childrenOf(rtmp, 'server'))
    .map((block) => {
      const { listen, server_name: names } = settingsOf(block, rtmpServerTable);
      const listens = listen.length === 0 ? [DEFAULT_LISTEN] : listen;
      return { block, listens, names, applications: childrenOf(block, 'application') };
    });
}

/** Parameters of `listen` that would change what clients have to speak. Taken silently, they would shut everybody out. */
function refusedOptions({ listens, block }: ServerSpec): readonly Diagnostic[] {
  return listens.flatMap((listen) => {
    const at = listen.at ?? block.origins['listen'] ?? block.at;
    const refuse = (name: string, help: string): Diagnostic => ({
      severity: 'error',
      code: 'listen',
      message: `"${name}" is not supported yet on RTMP addresses`,
      at,
      help,
    });
    return [
      ...(listen.ssl ? [refuse('ssl', 'put a proxy that ends TLS in front, such as nginx with stream')] : []),
      ...(listen.http2 ? [refuse('http2', 'leave the parameter out')] : []),
    ];
  });
}

/** Names that an earlier server on the same address already has; the earlier one gets the clients. */
function nameConflicts(spec: ServerSpec, before: readonly ServerSpec[]): readonly Diagnostic[] {
  const findings: Diagnostic[] = [];
  for (const listen of spec.listens) {
    const others = before.filter((other) => other.listens.some((l) => l.key === listen.key));
    const names = spec.names.length === 0 ? [''] : spec.names;
    for (const name of names) {
      if (!others.some((other) => (other.names.length === 0 ? name === '' : other.names.includes(name))))
        continue;
      findings.push({
        severity: 'warning',
        code: 'conflicting-server-name',
        message: `conflicting server name "${name}" on ${listen.key}, ignored`,
        at: spec.block.origins['server_name'] ?? spec.block.at,
        help: 'the server that stands first gets these clients; give each a server_name of its own',
      });
    }
  }
  return findings;
}

/** Addresses on which every client may say it were any other. */
function openProxies({ listens, block }: ServerSpec): readonly Diagnostic[] {
  const listen = listens.find(({ proxyProtocol }) => proxyProtocol);
  if (listen === undefined || settingsOf(block, rtmpServerTable).set_real_ip_from.length > 0) return [];
  return [
    {
      severity: 'warning',
      code: 'proxy-anybody',
      message: `whoever reaches ${listen.key} can claim any client address with a PROXY header`,
      at: listen.at ?? block.at,
      help: 'name the proxies: set_real_ip_from ADDRESS;',
    },
  ];
}

/** Applications in which nobody can publish or play. */
function silentApplications(spec: ServerSpec): readonly Diagnostic[] {
  return spec.applications
    .filter((block) => block.settings['live'] !== true && block.settings['hls'] === true)
    .map((block) => ({
      severity: 'warning' as const,
      code: 'hls-without-live',
      message: `application "${block.key}" has hls on but not live on, so nothing can be published to it`,
      at: block.at,
      help: 'add "live on;"',
    }));
}
