import { readFileSync } from 'node:fs';
import type { UserSetting } from '../core/main.ts';

/** Numbers of a user and a group of this machine. */
export interface Identity {
  readonly uid: number;
  readonly gid: number;
}

/** Whether this process may become another user. */
export function mayChangeUser(): boolean {
  return process.geteuid?.() === 0;
}

/** Looks a user and group up in the system's files; the name that is missing otherwise. */
export function findIdentity(
  setting: UserSetting,
  passwd = textOf('/etc/passwd'),
  groups = textOf('/etc/group'),
): Identity | { readonly missing: string } {
  const user = entryOf(passwd, setting.user);
  if (user === undefined) return { missing: `getpwnam("${setting.user}") failed` };
  const name = setting.group === '' ? setting.user : setting.group;
  const group = entryOf(groups, name);
  if (group === undefined) return { missing: `getgrnam("${name}") failed` };
  return { uid: Number(user[2]), gid: Number(group[2]) };
}

/** Gives root's rights up for good, with all groups of the user. Throws the system's error. */
export function become(setting: UserSetting, identity: Identity): void {
  // Declared by Node, not by its types.
  const { initgroups } = process as { initgroups?: (user: string, group: number) => void };
  initgroups?.(setting.user, identity.gid);
  process.setgid?.(identity.gid);
  process.setuid?.(identity.uid);
}

function entryOf(table: string, name: string): readonly string[] | undefined {
  return table
    .split('\n')
    .map((line) => line.split(':'))
    .find((fields) => fields[0] === name && fields.length > 2);
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
