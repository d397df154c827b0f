import { type Block, childrenOf, settingsOf } from '../config/block.ts';
import type { Diagnostic } from '../config/errors.ts';
import type { Wanted } from '../core/connections/listeners.ts';
import { mainTable } from '../core/main.ts';
import { isIPv6 } from '../core/net/ip-family.ts';
import { checkHttp } from '../http/check.ts';
import { listensOf } from '../http/router.ts';
import { modules } from '../modules/index.ts';
import { checkRtmp, rtmpWanted } from '../rtmp/check.ts';
import { findIdentity, mayChangeUser } from './privileges.ts';

/** Every finding about a tree that its tables cannot see, without anything of the running server. */
export function checkTree(tree: Block): readonly Diagnostic[] {
  return [
    ...checkRtmp(tree),
    ...checkHttp(tree),
    ...modules.flatMap((module) => module.check?.(tree) ?? []),
    ...crossCheck(tree, wantedOf(tree)),
  ];
}

/** The addresses that a tree wants. */
export function wantedOf(tree: Block): readonly Wanted[] {
  return placed([...rtmpWanted(tree), ...httpWanted(tree)]);
}

function httpWanted(tree: Block): readonly Wanted[] {
  return childrenOf(childrenOf(tree, 'http')[0], 'server').flatMap((server) =>
    listensOf(server).map((listen) => ({
      listen,
      protocol: 'http' as const,
      at: server.origins['listen'] ?? server.at,
    })),
  );
}

/** Addresses with the place of their own directive, where a server has several. */
export function placed(wanted: readonly Wanted[]): readonly Wanted[] {
  return wanted.map((one) => ({ ...one, at: one.listen.at ?? one.at }));
}

/** What no table and no single protocol can see: findings about the tree as a whole. */
export function crossCheck(tree: Block, wanted: readonly Wanted[]): readonly Diagnostic[] {
  return [...checkAddresses(wanted), ...checkUser(tree), ...checkPaths(tree)];
}

/** Each address belongs to one protocol; a wildcard takes every address of its port and family. */
function checkAddresses(wanted: readonly Wanted[]): readonly Diagnostic[] {
  const findings: Diagnostic[] = [];
  for (const [index, one] of wanted.entries()) {
    const other = wanted
      .slice(0, index)
      .find((before) => before.protocol !== one.protocol && overlap(before, one));
    if (other === undefined) continue;
    findings.push({
      severity: 'error',
      code: 'address-conflict',
      message: `listen ${one.listen.key} of ${one.protocol} is taken by listen ${other.listen.key} of ${other.protocol}`,
      at: one.at,
      help: `that stands in ${other.at.file}:${other.at.line}; give one of them another port`,
    });
  }
  return findings;
}

function overlap(a: Wanted, b: Wanted): boolean {
  if (a.listen.key === b.listen.key) return true;
  if (a.listen.path !== '' || b.listen.path !== '') return false;
  if (a.listen.port !== b.listen.port || isIPv6(a.listen.host) !== isIPv6(b.listen.host)) return false;
  return [a, b].some(({ listen }) => listen.host === '0.0.0.0' || listen.host === '::');
}

/** Files of other machines name users that are not here, which only matters where root starts them. */
function checkUser(tree: Block): readonly Diagnostic[] {
  const { user } = settingsOf(tree, mainTable);
  const at = tree.origins['user'];
  if (user === null || at === undefined) return [];
  const identity = findIdentity(user);
  // So it is after root has started it and it has become that user.
  if (!('missing' in identity) && identity.uid === process.getuid?.()) return [];
  if (!mayChangeUser()) {
    return [
      {
        severity: 'warning',
        code: 'user-ignored',
        message:
          'the "user" directive makes sense only if mediad is started with super-user privileges, ignored',
        at,
      },
    ];
  }
  if (!('missing' in identity)) return [];
  return [
    {
      severity: 'warning',
      code: 'user-missing',
      message: identity.missing,
      at,
      help: 'mediad will not start as root before that user and group exist',
    },
  ];
}

/** Two applications that write under the same names would overwrite each other's streams. */
function checkPaths(tree: Block): readonly Diagnostic[] {
  const findings: Diagnostic[] = [];
  const writers = new Map<string, string>();
  for (const rtmp of childrenOf(tree, 'rtmp')) {
    for (const server of childrenOf(rtmp, 'server')) {
      for (const application of childrenOf(server, 'application')) {
        const { hls, hls_path: path } = application.settings;
        const at = application.origins['hls_path'];
        if (hls !== true || typeof path !== 'string' || path === '' || at === undefined) continue;
        const other = writers.get(path);
        if (other === undefined) {
          writers.set(path, application.key);
          continue;
        }
        findings.push({
          severity: 'warning',
          code: 'path-shared',
          message: `applications "${other}" and "${application.key}" both write HLS to ${path}`,
          at,
          help: 'streams of the same name overwrite each other; give each application a path of its own',
        });
      }
    }
  }
  return findings;
}
