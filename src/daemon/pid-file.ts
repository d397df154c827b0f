import { mkdirSync, readFileSync, renameSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** What a pid file says: the process, or why there is none. */
export type PidState =
  | { readonly kind: 'running'; readonly pid: number }
  | { readonly kind: 'stale'; readonly pid: number }
  | { readonly kind: 'missing'; readonly reason: string }
  | { readonly kind: 'invalid'; readonly text: string };

/** Reads a pid file and looks whether its process is there and, as far as /proc tells, is one of ours. */
export function readPid(path: string): PidState {
  let text: string;
  try {
    text = readFileSync(path, 'utf8').slice(0, 64).trim();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { kind: 'missing', reason: code === 'ENOENT' ? 'No such file or directory' : message };
  }
  if (text === '') return { kind: 'missing', reason: 'it is empty' };
  if (!/^[1-9][0-9]{0,9}$/.test(text)) return { kind: 'invalid', text };
  const pid = Number(text);
  return { kind: isAlive(pid) && isOurs(pid) ? 'running' : 'stale', pid };
}

/** Whether a process runs, also one of another user; one that only waits to be collected by its parent does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  try {
    return !/^[0-9]+ \(.*\) Z /s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return true;
  }
}

/** A number may have been given to another program since the file was written; where that cannot be seen, it was not. */
function isOurs(pid: number): boolean {
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    return command === '' || command.includes('mediad');
  } catch {
    return true;
  }
}

/** Writes the number of this process, in one step: a reader never sees half of it. Makes the folder. */
export function writePid(path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  const fresh = `${path}.${process.pid}`;
  writeFileSync(fresh, `${process.pid}\n`, { mode: 0o644 });
  renameSync(fresh, path);
}

/** Removes the file, if it still is that of this process. */
export function removePid(path: string): void {
  try {
    if (readFileSync(path, 'utf8').trim() !== String(process.pid)) return;
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EACCES') emptied(path);
  }
}

function emptied(path: string): void {
  try {
    truncateSync(path);
  } catch {
    // What is left names a process that is gone, which the next start notices.
  }
}
