import { closestMatch } from 'leven';
import { type Block, childrenOf, settingsOf } from '../config/block.ts';
import type { Diagnostic, Position } from '../config/errors.ts';
import type { GroupEntry } from '../config/table.ts';
import type { Listen } from '../core/net/addresses.ts';
import { builtInNames, isBuiltIn, isSettable } from './requests/variables.ts';
import { listensOf } from './router.ts';
import { authBasicTable } from './tables/auth-basic-table.ts';
import type { LocationMatch } from './tables/location-table.ts';
import { accessLogTable, type LogFormat } from './tables/log-table.ts';
import type { VariableMap } from './tables/map-table.ts';
import type { SetVariable } from './tables/rewrite-table.ts';
import { serverTable } from './tables/server-table.ts';
import { tlsTable } from './tables/tls-table.ts';
import { groupNames, type Pattern } from './values/pattern.ts';
import { templatesIn } from './values/template.ts';

/** What a tree still has wrong for the HTTP server: names that stand for nothing, addresses that clash. */
export function checkHttp(tree: Block): readonly Diagnostic[] {
  const http = childrenOf(tree, 'http')[0];
  if (http === undefined) return [];
  return [
    ...checkVariables(http),
    ...checkFormats(http),
    ...checkLocations(http),
    ...checkListens(http),
    ...checkUsers(http),
  ];
}

function error(code: string, message: string, at: Position, help?: string, replacement?: string): Diagnostic {
  return {
    severity: 'error',
    code,
    message,
    at,
    ...(help === undefined ? {} : { help }),
    ...(replacement === undefined ? {} : { replacement }),
  };
}

/** Every block of a tree, with itself, those that only a group of settings holds included. */
function* blocksOf(block: Block): Iterable<Block> {
  yield block;
  for (const inner of block.children) yield* blocksOf(inner);
}

const rewriteOf = (block: Block): readonly GroupEntry[] =>
  (block.settings['rewrite'] ?? []) as readonly GroupEntry[];

/** Variables may be used before the line that makes them; only the whole file tells whether somebody does. */
function checkVariables(http: Block): readonly Diagnostic[] {
  const found: Diagnostic[] = [];
  const known = new Set<string>();
  for (const map of (http.settings['map'] ?? []) as readonly VariableMap[]) known.add(map.variable);
  const seen = new Set<object>();
  const patterns = new Set<Pattern>();
  for (const block of blocksOf(http)) {
    findPatterns(block, seen, patterns);
    for (const entry of rewriteOf(block)) {
      if (entry.name !== 'set') continue;
      const { variable } = entry.value as SetVariable;
      if (!isSettable(variable))
        found.push(error('variable', `the duplicate "${variable}" variable`, entry.at));
      known.add(variable);
    }
    const names = block.context === 'server' ? settingsOf(block, serverTable).server_name : [];
    for (const name of names) {
      for (const match of name.matchAll(/\(\?<([A-Za-z_]\w*)>/g)) known.add(match[1]!);
    }
  }
  for (const pattern of patterns) for (const name of groupNames(pattern)) known.add(name);
  const told = new Set<string>();
  const read = new Set<Position>();
  for (const block of blocksOf(http)) {
    for (const [variable, at] of usesOf(block, read)) {
      if (known.has(variable) || isBuiltIn(variable)) continue;
      const place = `${variable} ${at.file}:${at.line}:${at.column}`;
      if (told.has(place)) continue;
      told.add(place);
      const near = closestMatch(variable, [...known, ...builtInNames()], { maxDistance: 3 });
      const help = near === undefined ? undefined : `did you mean "$${near}"?`;
      found.push(error('unknown-variable', `unknown "${variable}" variable`, at, help));
    }
  }
  return found;
}

/** Notes the patterns in an object, but for what was seen: most of what a block has, it has from the one around it. */
function findPatterns(within: object, seen: Set<object>, patterns: Set<Pattern>): void {
  seen.add(within);
  if ('source' in within && 'flags' in within && 'text' in within) {
    patterns.add(within as Pattern);
    return;
  }
  for (const key of Object.keys(within)) {
    const inner = (within as Record<string, unknown>)[key];
    if (typeof inner !== 'object' || inner === null || seen.has(inner)) continue;
    if (key !== 'children' && key !== 'block') findPatterns(inner, seen, patterns);
  }
}

/** The variables a block uses in what is written for it, and where; `read` are the places that were looked at. */
function* usesOf(block: Block, read: Set<Position>): Iterable<readonly [string, Position]> {
  for (const name of Object.keys(block.settings)) {
    const at = block.origins[name];
    if (at === undefined || read.has(at)) continue;
    read.add(at);
    yield* variablesIn(block.settings[name], at);
  }
  for (const group of ['rewrite', 'document_root']) {
    for (const entry of (block.settings[group] ?? []) as readonly GroupEntry[]) {
      yield* variablesIn(entry.value, entry.at);
      if (entry.name === 'if' && 'variable' in (entry.value as object)) {
        yield [(entry.value as { variable: string }).variable, entry.at];
      }
    }
  }
}

function* variablesIn(value: unknown, at: Position): Iterable<readonly [string, Position]> {
  for (const template of templatesIn(value)) {
    for (const part of template.parts) if (typeof part !== 'string') yield [part.variable, at];
  }
}

function checkFormats(http: Block): readonly Diagnostic[] {
  const found: Diagnostic[] = [];
  const formats = (http.settings['log_format'] ?? []) as readonly LogFormat[];
  const names = new Set(['combined']);
  for (const { name } of formats) {
    if (names.has(name)) {
      found.push(
        error('duplicate', `duplicate "log_format" name "${name}"`, http.origins['log_format'] ?? http.at),
      );
    }
    names.add(name);
  }
  const told = new Set<string>();
  for (const block of blocksOf(http)) {
    const at = block.origins['access_log'];
    if (at === undefined || !('access_log' in block.settings)) continue;
    for (const { format, off } of settingsOf(block, accessLogTable).access_log) {
      const place = `${format} ${at.file}:${at.line}`;
      if (off || names.has(format) || told.has(place)) continue;
      told.add(place);
      const near = closestMatch(format, [...names], { maxDistance: 3 });
      found.push(
        error(
          'unknown-format',
          `unknown log format "${format}"`,
          at,
          near === undefined ? undefined : `did you mean "${near}"?`,
        ),
      );
    }
  }
  return found;
}

/** Without a file, nginx lets everybody in. */
function checkUsers(http: Block): readonly Diagnostic[] {
  const found: Diagnostic[] = [];
  for (const block of blocksOf(http)) {
    const at = block.origins['auth_basic'] ?? block.origins['auth_basic_user_file'];
    if (at === undefined || !('auth_basic_user_file' in block.settings)) continue;
    const { auth_basic: realm, auth_basic_user_file: file } = settingsOf(block, authBasicTable);
    if (realm === null || file !== null || block.context === 'http') continue;
    found.push(
      error('auth-basic', '"auth_basic" without "auth_basic_user_file"', at, 'auth_basic_user_file FILE;'),
    );
  }
  return found;
}

function checkLocations(http: Block): readonly Diagnostic[] {
  const found: Diagnostic[] = [];
  for (const block of blocksOf(http)) {
    if (block.context !== 'location') continue;
    const match = block.value as LocationMatch | null;
    if (match === null) continue;
    const root = (block.settings['document_root'] ?? []) as readonly GroupEntry[];
    if (root.length > 1) {
      const names = root.map(({ name }) => name);
      const message = names.every((name) => name === names[0])
        ? `"${names[0]}" directive is duplicate`
        : '"root" and "alias" cannot stand in one location';
      found.push(error('duplicate', message, root[1]!.at));
    }
    for (const inner of childrenOf(block, 'location')) found.push(...checkNested(match, inner));
  }
  return found;
}

function checkNested(outer: LocationMatch, inner: Block): readonly Diagnostic[] {
  const match = inner.value as LocationMatch | null;
  if (match === null || match.kind === 'pattern') return [];
  if (match.kind === 'named') {
    return [error('location', `named location "${match.uri}" can be on the server level only`, inner.at)];
  }
  if (outer.kind === 'exact') {
    return [
      error(
        'location',
        `location "${match.uri}" cannot be inside the exact location "${outer.uri}"`,
        inner.at,
      ),
    ];
  }
  if (outer.kind !== 'prefix' && outer.kind !== 'prefix-only') return [];
  if (match.uri.startsWith(outer.uri)) return [];
  return [error('location', `location "${match.uri}" is outside location "${outer.uri}"`, inner.at)];
}

function checkListens(http: Block): readonly Diagnostic[] {
  const found: Diagnostic[] = [];
  const defaults = new Map<string, Block>();
  const clients = new Map<string, string>();
  for (const server of childrenOf(http, 'server')) {
    const at = server.origins['listen'] ?? server.at;
    const tls = settingsOf(server, tlsTable);
    for (const listen of listensOf(server)) {
      found.push(...checkListen(listen, server, defaults, at));
      if (!listen.ssl && !tls.ssl) continue;
      if (tls.ssl_certificate.length === 0) {
        const message = `no "ssl_certificate" is defined for the "listen ... ssl" directive`;
        found.push(error('tls', message, at, 'ssl_certificate FILE; ssl_certificate_key FILE;'));
      }
      const verify = `${tls.ssl_verify_client} ${tls.ssl_client_certificate}`;
      const other = clients.get(listen.key);
      if (other !== undefined && other !== verify) {
        const where = server.origins['ssl_verify_client'] ?? at;
        found.push(error('tls', `servers of ${listen.key} differ in "ssl_verify_client"`, where));
      }
      clients.set(listen.key, verify);
    }
    if (tls.ssl_verify_client !== 'off' && tls.ssl_client_certificate === '') {
      const where = server.origins['ssl_verify_client'] ?? at;
      found.push(error('tls', 'no ssl_client_certificate for ssl_verify_client', where));
    }
  }
  return found;
}

function checkListen(
  listen: Listen,
  server: Block,
  defaults: Map<string, Block>,
  at: Position,
): readonly Diagnostic[] {
  const found: Diagnostic[] = [];
  if (!listen.defaultServer) return found;
  const other = defaults.get(listen.key);
  if (other !== undefined && other !== server) {
    found.push(error('listen', `a duplicate default server for ${listen.key}`, at));
  }
  defaults.set(listen.key, server);
  return found;
}
