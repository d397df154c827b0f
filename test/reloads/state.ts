import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { ask, controlPath } from '../../src/daemon/control.ts';

/** What a server is, for comparison with another that should be the same. */
export interface State {
  readonly config: unknown;
  readonly streams: unknown;
  readonly relays: unknown;
  readonly execs: unknown;
  /** Those that the server believes to be open, besides the one that asks. */
  readonly connections: number;
  /** Open descriptors by what they are, such as `socket` or a file of the folder. */
  readonly descriptors: Readonly<Record<string, number>>;
  /** Command lines of the processes it has started. */
  readonly children: readonly string[];
}

/** Asks a server for its state, over the location /api of an address; `folder` is left out of paths. */
async function stateOf(pid: number, port: number, folder: string): Promise<State> {
  const api = async (what: string): Promise<unknown> => {
    const answer = await fetch(`http://127.0.0.1:${port}/api/${what}`, { headers: { connection: 'close' } });
    if (!answer.ok) throw new Error(`${what}: status ${answer.status}`);
    return answer.json();
  };
  const status = await ask(controlPath(join(folder, 'logs/mediad.pid')), { command: 'status' }, 5000);
  return {
    config: await api('config'),
    streams: sorted(await api('streams'), ['server', 'app', 'name', 'live']),
    relays: sorted(await api('relays'), ['server', 'app', 'stream', 'direction', 'url', 'local']),
    execs: sorted(await api('execs'), ['server', 'app', 'stream', 'directive', 'command', 'running']),
    connections: (status.data as { readonly connections: number }).connections,
    descriptors: descriptorsOf(pid, folder),
    children: childrenOf(pid),
  };
}

/** Sees to the end of programs of exec, and ends a while after the last of them. */
export const HELPER = 'mediad-exec';

/** The same state twice in a row, so that what is on its way out is gone. */
export async function settledState(
  pid: number,
  port: number,
  folder: string,
  limit = 30_000,
): Promise<State> {
  const end = performance.now() + limit;
  let before = '';
  let same = 0;
  for (;;) {
    const state = await stateOf(pid, port, folder);
    const text = JSON.stringify(state);
    same = text === before ? same + 1 : 0;
    before = text;
    const resting = state.children.every((command) => command === HELPER);
    // A question to a name server ends by itself.
    const asking = 'udp' in state.descriptors;
    const settled = same >= 4 && !asking && !(resting && state.children.length > 0);
    if (settled || performance.now() > end) return state;
    await new Promise((resolve) => setTimeout(resolve, 400));
  }
}

/** The fields that are no counts or times, in an order of their own. */
function sorted(list: unknown, fields: readonly string[]): readonly string[] {
  return (list as readonly Record<string, unknown>[])
    .map((one) => fields.map((field) => `${field}=${String(one[field])}`).join(' '))
    .sort();
}

/** Open descriptors of a process by kind. */
function descriptorsOf(pid: number, folder: string): Record<string, number> {
  const counts: Record<string, number> = {};
  const sockets = socketsOf(pid);
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    let target: string;
    try {
      target = readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      continue;
    }
    const inode = /^socket:\[([0-9]+)\]$/.exec(target)?.[1];
    if (inode !== undefined) target = sockets.get(inode) ?? 'socket:[0]';
    const kind = target.startsWith('/') ? target.replace(folder, '') : target.replace(/:?\[[0-9]+\]$/, '');
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1)));
}

const TCP_STATES: Readonly<Record<string, string>> = {
  '01': 'tcp established',
  '08': 'tcp close-wait',
  '0A': 'tcp listening',
};

/** What each socket of a process' network is, by inode: a state of TCP, or `unix`. */
function socketsOf(pid: number): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const table of ['tcp', 'tcp6', 'udp', 'unix']) {
    for (const line of readFileSync(`/proc/${pid}/net/${table}`, 'utf8').split('\n').slice(1)) {
      const words = line.trim().split(/\s+/);
      if (table === 'udp') found.set(words[9] ?? '', 'udp');
      else if (table === 'unix') found.set(words[6] ?? '', 'unix');
      else found.set(words[9] ?? '', TCP_STATES[words[3] ?? ''] ?? 'tcp other');
    }
  }
  return found;
}

function childrenOf(pid: number): readonly string[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter((child) => child !== '')
    .flatMap((child) => {
      try {
        return readFileSync(`/proc/${child}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      } catch {
        return [];
      }
    })
    .sort();
}
