import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CHILD_VARIABLE, RUN_VARIABLE } from './run-mark.ts';

/** How long what was told to end may take to be gone, ms. */
const GRACE_MS = 5000;
const REPORT = join(import.meta.dirname, '../../.cache/test/leftovers.txt');

/** Around all end-to-end tests: fails the run when a process that they started is still there after them. */
export default function setup(): () => Promise<void> {
  const run = `${process.pid}-${Date.now()}`;
  process.env[RUN_VARIABLE] = run;
  rmSync(REPORT, { force: true });
  return async () => {
    const end = Date.now() + GRACE_MS;
    let left = processesOf(run);
    while (left.length > 0 && Date.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      left = processesOf(run);
    }
    if (left.length === 0) return;
    for (const { pid } of left) process.kill(pid, 'SIGKILL');
    const message = `tests left processes: ${left.map(({ pid, command }) => `${pid} ${command}`).join('; ')}`;
    // The runner prints what is thrown here, but ends as if nothing had happened: bin/tools/test.js looks for this file.
    mkdirSync(dirname(REPORT), { recursive: true });
    writeFileSync(REPORT, `${message}\n`);
    throw new Error(message);
  };
}

/** Processes of this machine that inherited the run's mark. */
function processesOf(run: string): { readonly pid: number; readonly command: string }[] {
  const mark = `${CHILD_VARIABLE}=${run}`;
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .flatMap((pid) => {
      try {
        if (!readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(mark)) return [];
        const command = readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ');
        return [{ pid: Number(pid), command }];
      } catch {
        // It ended meanwhile, or is another user's.
        return [];
      }
    });
}
