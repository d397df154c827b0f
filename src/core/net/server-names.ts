/** A server block as far as choosing it by name goes. */
export interface Named {
  readonly names: readonly string[];
}

/**
 * Chooses among the servers of one address by host name as nginx does: exact name, longest `*.suffix` (or `.suffix`),
 * longest `prefix.*`, then the first regular expression in file order; undefined where none matches. A trailing dot
 * and letter case do not matter.
 */
export function chooseByName<S extends Named>(servers: readonly S[], host: string): S | undefined {
  const name = host.toLowerCase().replace(/\.$/, '');
  let suffix: { server: S; length: number } | undefined;
  let prefix: { server: S; length: number } | undefined;
  let pattern: S | undefined;
  for (const server of servers) {
    for (const candidate of server.names) {
      if (candidate.startsWith('~')) {
        if (pattern === undefined && serverNamePattern(candidate)?.test(name) === true) pattern = server;
        continue;
      }
      const lower = candidate.toLowerCase();
      if (lower === name) return server;
      if (lower.startsWith('.') && name === lower.slice(1)) return server;
      if (lower.startsWith('*.') || lower.startsWith('.')) {
        const end = lower.startsWith('.') ? lower : lower.slice(1);
        if (name.endsWith(end) && name.length > end.length && end.length > (suffix?.length ?? 0)) {
          suffix = { server, length: end.length };
        }
      } else if (lower.endsWith('.*')) {
        const start = lower.slice(0, -1);
        if (name.startsWith(start) && name.length > start.length && start.length > (prefix?.length ?? 0)) {
          prefix = { server, length: start.length };
        }
      }
    }
  }
  return suffix?.server ?? prefix?.server ?? pattern;
}

/** The regular expression of a `~pattern` name, or null where it is none. */
export function serverNamePattern(name: string): RegExp | null {
  try {
    return new RegExp(name.slice(1), 'i');
  } catch {
    return null;
  }
}

/** The host of a `host[:port]` or `[v6]:port` text, lower-cased; null where it cannot be a host. */
export function hostOf(text: string): string | null {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:/\s[\]]*)(?::[0-9]*)?$/.exec(text);
  if (match === null) return null;
  const host = match[1]!.toLowerCase().replace(/\.$/, '');
  return host.includes('..') ? null : host;
}
