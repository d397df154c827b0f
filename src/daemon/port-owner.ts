import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** A process that listens where we want to. */
export interface Owner {
  readonly pid: number;
  /** As in /proc/PID/comm. */
  readonly name: string;
}

/** State LISTEN in /proc/net/tcp. */
const LISTEN = '0A';

/**
 * Finds the process that listens on a TCP port, from /proc; undefined where the system has no such files or does not
 * let us see the owner's.
 */
export function ownerOfPort(port: number): Owner | undefined {
  const inodes = new Set(
    ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((table) => listeningInodes(textOf(table), port)),
  );
  if (inodes.size === 0) return undefined;
  for (const pid of namesIn('/proc')) {
    if (!/^[0-9]+$/.test(pid)) continue;
    for (const fd of namesIn(`/proc/${pid}/fd`)) {
      const inode = /^socket:\[([0-9]+)\]$/.exec(linkOf(`/proc/${pid}/fd/${fd}`))?.[1];
      if (inode === undefined || !inodes.has(inode)) continue;
      return { pid: Number(pid), name: textOf(`/proc/${pid}/comm`).trim() };
    }
  }
  return undefined;
}

/** The inodes of the sockets that listen on a port, from the text of /proc/net/tcp or tcp6. */
export function listeningInodes(table: string, port: number): readonly string[] {
  const ending = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[1]?.endsWith(ending) === true && fields[3] === LISTEN)
    .map((fields) => fields[9]!);
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

function namesIn(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
