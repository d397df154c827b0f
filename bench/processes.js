import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';

/** Ticks of /proc/PID/stat per second (USER_HZ), the same on every Linux that Node runs on. */
const TICKS = 100;

/**
 * What processes get of this one's environment: no settings of Node, which were measured otherwise. Node 20 reads the file
 * that NODE_EXTRA_CA_CERTS names at each start, which takes longer than all else it does then.
 */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith('NODE_')),
);

/** @type {Set<import('node:child_process').ChildProcess>} */
const alive = new Set();

/** Ends every process this run has started, with their children. */
export function killAll() {
  for (const child of alive) killTree(child);
}

/**
 * The processors (a list as taskset takes it) of servers and of load tools; none: any.
 * @type {{ server?: string, load?: string }}
 */
export const pins = {};

process.on('exit', killAll);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(130));

/** @param {import('node:child_process').ChildProcess} child */
function killTree(child) {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    child.kill('SIGKILL');
  }
}

/**
 * Starts a process as the head of its own group, so that it can be ended with its children.
 * `events` are the JSON lines it prints; `log` is the end of its error output.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, ipc?: boolean, role?: 'server' | 'load' }} [options]
 */
export function start(command, args, options = {}) {
  const pin = pins[options.role ?? 'load'];
  const [head, rest] = pin ? ['taskset', ['-c', pin, command, ...args]] : [command, args];
  const child = spawn(head, rest, {
    cwd: options.cwd,
    env: environment,
    detached: true,
    stdio: options.ipc ? ['ignore', 'pipe', 'pipe', 'ipc'] : ['ignore', 'pipe', 'pipe'],
  });
  alive.add(child);
  let log = '';
  /** @type {any[]} */
  const events = [];
  /** @type {Set<() => void>} */
  const waiting = new Set();
  const wake = () => {
    for (const check of [...waiting]) check();
  };
  const keep = (/** @type {Buffer | string} */ text) => {
    log = (log + text).slice(-4000);
  };
  child.stderr?.on('data', keep);
  if (child.stdout) {
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (!line.startsWith('{"event"')) return keep(`${line}\n`);
      events.push(JSON.parse(line));
      wake();
    });
  }
  const ended = new Promise((resolve) => {
    child.on('error', (error) => keep(String(error)));
    child.on('close', (code, signal) => {
      alive.delete(child);
      resolve({ code, signal });
      wake();
    });
  });
  const failure = (/** @type {string} */ why) =>
    new Error(`${command} ${args.join(' ')}: ${why}\n${log.trim()}`);
  return {
    child,
    pid: child.pid ?? 0,
    events,
    ended,
    log: () => log,
    /**
     * The first event of this name after the first `skip` of them; an error when the process ends without it or time is up.
     * @param {string} name
     * @param {number} seconds
     */
    event(name, seconds, skip = 0) {
      return new Promise((resolve, reject) => {
        const settle = (/** @type {() => void} */ how) => {
          waiting.delete(check);
          clearTimeout(timer);
          how();
        };
        const check = () => {
          const found = events.filter((one) => one.event === name)[skip];
          if (found) settle(() => resolve(found));
          else if (!alive.has(child)) settle(() => reject(failure(`ended before "${name}"`)));
        };
        const timer = setTimeout(
          () => settle(() => reject(failure(`no "${name}" in ${seconds} s`))),
          seconds * 1000,
        );
        waiting.add(check);
        check();
      });
    },
    /** Ends it: politely, and by force after two seconds. */
    async stop() {
      if (!alive.has(child)) return;
      child.kill('SIGTERM');
      const force = setTimeout(() => killTree(child), 2000);
      await ended;
      clearTimeout(force);
    },
  };
}

/** @typedef {ReturnType<typeof start>} Process */

/** A port of the loopback interface that nobody listens on now. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
      server.close(() => resolve(port));
    });
  });
}

/** @param {number} port */
function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.resetAndDestroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

/**
 * Waits until a process accepts connections on all ports.
 * @param {Process} server
 * @param {readonly number[]} ports
 */
export async function listening(server, ports, seconds = 15) {
  const until = performance.now() + seconds * 1000;
  for (const port of ports) {
    while (!(await accepts(port))) {
      if (!alive.has(server.child) || performance.now() > until) {
        throw new Error(`does not listen on ${port}: ${server.log().trim()}`);
      }
      await pause(1);
    }
  }
}

/** @param {number} ms */
export function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * A process and all below it.
 * @param {number} pid
 * @returns {number[]}
 */
function family(pid) {
  const found = [pid];
  try {
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      const children = readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8');
      for (const child of children.trim().split(' ')) if (child) found.push(...family(Number(child)));
    }
  } catch {
    // It has ended meanwhile: its time is in its parent's account.
  }
  return found;
}

/**
 * CPU seconds a process and its children have used, kernel time included. Nanoseconds of each thread where the kernel keeps
 * them, else the 10 ms steps of its process.
 * @param {number} pid
 */
export function cpuSeconds(pid) {
  return family(pid).reduce((sum, one) => sum + (precise ? threadSeconds(one) : steppedSeconds(one)), 0);
}

/**
 * The same for each of them.
 * @param {number} pid
 */
export function cpuSecondsEach(pid) {
  return new Map(family(pid).map((one) => [one, precise ? threadSeconds(one) : steppedSeconds(one)]));
}

const precise = existsSync(`/proc/${process.pid}/task/${process.pid}/schedstat`);

/** @param {number} pid */
function threadSeconds(pid) {
  let nanoseconds = 0;
  try {
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      nanoseconds += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ', 1)[0]);
    }
  } catch {
    // Ended between the reads.
  }
  return nanoseconds / 1e9;
}

/** @param {number} pid */
function steppedSeconds(pid) {
  let ticks = 0;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    for (let i = 11; i <= 14; i++) ticks += Number(fields[i]);
  } catch {
    // Ended between the two reads.
  }
  return ticks / TICKS;
}

/**
 * Resident memory of a process and its children, MB.
 * @param {number} pid
 */
export function rss(pid) {
  let kb = 0;
  for (const one of family(pid)) {
    try {
      kb += Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${one}/status`, 'utf8'))?.[1] ?? 0);
    } catch {
      // Ended between the two reads.
    }
  }
  return kb / 1024;
}

/**
 * The most resident memory that a process and its children have had so far, MB: each at its own peak, so it is no less
 * than they had at any moment. 0 where it has ended.
 * @param {number} pid
 */
export function peakMemory(pid) {
  return (
    family(pid).reduce((kb, one) => {
      try {
        return kb + Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${one}/status`, 'utf8'))?.[1] ?? 0);
      } catch {
        return kb;
      }
    }, 0) / 1024
  );
}

/**
 * Open descriptors of a process and its children.
 * @param {number} pid
 */
export function descriptors(pid) {
  return family(pid).reduce((sum, one) => {
    try {
      return sum + readdirSync(`/proc/${one}/fd`).length;
    } catch {
      return sum;
    }
  }, 0);
}

/** Seconds all processors together have been idle since the start of the machine. */
export function idleSeconds() {
  const fields = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0]?.trim().split(/\s+/) ?? [];
  return (Number(fields[4]) + Number(fields[5])) / TICKS;
}

/**
 * Whether a program can be found on this machine.
 * @param {string} name
 */
export function installed(name) {
  try {
    execFileSync('sh', ['-c', `command -v ${name}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
