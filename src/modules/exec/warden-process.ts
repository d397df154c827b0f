import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/*
 * A process of its own beside the server. It sees to it that programs end with all that they have started, also when
 * the server is killed and can do nothing any more: then its standard input ends. Lines of input: `watch PID SIGNAL MS`
 * names a process group, `check PID` asks for word of its end, `end PID SIGNAL MS` for its end by KILL after the time;
 * the server has sent it the signal. Lines of output: `gone PID HOW`, where HOW is `ended`, `killed`, or `stuck` for one that outlives
 * even that.
 */

interface Group {
  signal: NodeJS.Signals;
  grace: number;
  /** Word of its end is wanted. */
  asked: boolean;
  /** Monotonic ms; infinite as long as it may go on. */
  killAt: number;
  killed: boolean;
}

interface Found {
  readonly pid: number;
  readonly group: number;
  readonly session: number;
}

/** How often groups that are to end are looked at, ms; and those that may go on. */
const SOON_MS = 25;
const LATER_MS = 250;
/** How long the end by KILL may take, ms. */
const STUCK_MS = 3000;
/** How long programs may take to end after that of the server, ms. */
const ALONE_MS = 2000;

const groups = new Map<number, Group>();
let alone = false;
let timer: NodeJS.Timeout | undefined;

// Whoever ends the server by a signal to all its processes would otherwise end this one before its work is done.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const) process.on(signal, () => undefined);
process.stdout.on('error', () => undefined);
process.title = 'mediad-exec';

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const [verb, id, signal, grace] = line.split(' ');
    const pid = Number(id);
    if (verb === 'watch') {
      groups.set(pid, {
        signal: signal as NodeJS.Signals,
        grace: Number(grace),
        asked: false,
        killAt: Number.POSITIVE_INFINITY,
        killed: false,
      });
      return;
    }
    const group = groups.get(pid);
    if (group === undefined) {
      tell(pid, 'ended');
      return;
    }
    group.asked = true;
    if (verb === 'end') {
      group.signal = signal as NodeJS.Signals;
      end(pid, group, Number(grace));
    }
    look();
  })
  .on('close', () => {
    alone = true;
    for (const [pid, group] of groups) {
      group.asked = true;
      end(pid, group, Math.min(group.grace, ALONE_MS));
    }
    look();
  });

function end(pid: number, group: Group, grace: number): void {
  group.killAt = Math.min(group.killAt, performance.now() + grace);
  strike(pid, group.signal, processes(), alone);
}

/** Sends a signal to those of a session that have left its first group, and to that too where it is to be `whole`. */
function strike(pid: number, signal: NodeJS.Signals, all: readonly Found[] | null, whole: boolean): void {
  if (whole) send(-pid, signal);
  for (const { pid: one, group } of membersOf(pid, all)) if (group !== pid) send(one, signal);
}

function send(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

/** Looks once at all groups of which word is wanted, and again as long as there are any. */
function look(): void {
  clearTimeout(timer);
  const now = performance.now();
  const asked = [...groups].filter(([, group]) => group.asked);
  const all = asked.length === 0 ? null : processes();
  for (const [pid, group] of asked) {
    const left = all === null ? send(-pid, 0) : membersOf(pid, all).length > 0;
    const stuck = left && now > group.killAt + STUCK_MS;
    if (!left || stuck) {
      groups.delete(pid);
      tell(pid, stuck ? 'stuck' : group.killed ? 'killed' : 'ended');
    } else if (now >= group.killAt) {
      group.killed = true;
      strike(pid, 'SIGKILL', all, true);
    }
  }
  const waiting = [...groups.values()].filter((group) => group.asked);
  if (waiting.length > 0) {
    const soon = waiting.some((group) => group.killAt !== Number.POSITIVE_INFINITY);
    timer = setTimeout(look, soon ? SOON_MS : LATER_MS);
  } else if (alone) {
    process.exit(0);
  }
}

function tell(pid: number, how: 'ended' | 'killed' | 'stuck'): void {
  if (!alone) process.stdout.write(`gone ${pid} ${how}\n`);
}

function membersOf(pid: number, all: readonly Found[] | null): readonly Found[] {
  return (all ?? []).filter(({ group, session }) => group === pid || session === pid);
}

/** All processes but those that have ended and wait for their parent; null where the system does not list them so. */
function processes(): readonly Found[] | null {
  let names: string[];
  try {
    names = readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name));
  } catch {
    return null;
  }
  const found: Found[] = [];
  for (const name of names) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      // The name in parentheses may hold anything.
      const [state, , group, session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (state !== 'Z' && state !== 'X') {
        found.push({ pid: Number(name), group: Number(group), session: Number(session) });
      }
    } catch {
      // It ended meanwhile.
    }
  }
  return found.length === 0 ? null : found;
}
