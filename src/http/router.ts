import { type Block, childrenOf, settingsOf } from '../config/block.ts';
import { atOnce, type Sliced } from '../config/slices.ts';
import type { GroupEntry, Settings } from '../config/table.ts';
import type { Listen } from '../core/net/addresses.ts';
import { networkTest } from '../core/net/networks.ts';
import { chooseByName, serverNamePattern } from '../core/net/server-names.ts';
import type { Gzip } from './answers/gzip.ts';
import type { Handled, HttpModule } from './handler.ts';
import { type Users, usersOf } from './phases/auth-basic.ts';
import { type RealIp, realIpOf } from './phases/real-ip.ts';
import { type RewriteStep, rewriteSteps } from './phases/rewrite.ts';
import type { Exchange } from './requests/exchange.ts';
import { authBasicTable, satisfyTable } from './tables/auth-basic-table.ts';
import { gzipTable } from './tables/gzip-table.ts';
import { type LocationMatch, locationTable } from './tables/location-table.ts';
import { type AccessLog, accessLogTable, COMBINED, type LogFormat } from './tables/log-table.ts';
import type { VariableMap } from './tables/map-table.ts';
import { realIpTable } from './tables/real-ip-table.ts';
import { serverTable } from './tables/server-table.ts';
import { tlsTable } from './tables/tls-table.ts';
import { regExpOf } from './values/pattern.ts';
import { constantOf, literal, type Template } from './values/template.ts';

/** Where a place’s files are. An alias takes the place of `prefix`; in a location by pattern it is the whole path. */
interface DocumentRoot {
  readonly kind: 'root' | 'alias';
  readonly path: Template;
  readonly prefix: string | null;
}

/** A rule of `allow` and `deny`. */
export interface AccessRule {
  readonly allow: boolean;
  matches(address: string): boolean;
}

/** A content handler with its settings of one place. */
interface BoundHandler {
  readonly name: string;
  handle(exchange: Exchange): Handled | Promise<Handled>;
}

/** A set of settings that requests run under: a server's own, a location's, or an `if`'s. */
export interface Place {
  readonly block: Block;
  /** Of the location; null for a server's own. */
  readonly match: LocationMatch | null;
  readonly conf: Settings<typeof locationTable>;
  readonly logs: readonly AccessLog[];
  readonly files: DocumentRoot;
  readonly types: ReadonlyMap<string, string>;
  readonly access: readonly AccessRule[];
  /** Null: nobody has to say who he is. */
  readonly users: Users | null;
  readonly satisfy: 'all' | 'any';
  /** Null: answers are sent as they are. */
  readonly gzip: Gzip | null;
  /** Nothing that it adds to answers depends on the request, or slows them down. */
  readonly steady: boolean;
  /** Null: whoever is connected is the client. */
  readonly realIp: RealIp | null;
  /** Rules for the methods it does not name. */
  readonly limitExcept: {
    readonly methods: ReadonlySet<string>;
    readonly access: readonly AccessRule[];
    readonly users: Users | null;
  } | null;
  readonly rewrite: readonly RewriteStep[];
  readonly handlers: readonly BoundHandler[];
  readonly locations: Locations;
}

/** The locations directly inside a server or a location. */
interface Locations {
  readonly exact: ReadonlyMap<string, Place>;
  /** Longest first. */
  readonly prefixes: readonly { readonly prefix: string; readonly only: boolean; readonly place: Place }[];
  /** In the order of the file. */
  readonly patterns: readonly { readonly pattern: RegExp; readonly place: Place }[];
  readonly named: ReadonlyMap<string, Place>;
}

/** A `server` block, compiled. */
export interface HttpServer {
  readonly block: Block;
  readonly names: readonly string[];
  readonly listens: readonly Listen[];
  readonly conf: Settings<typeof serverTable>;
  readonly tls: Settings<typeof tlsTable>;
  readonly place: Place;
}

/** The servers of an address. */
interface Candidates {
  readonly servers: readonly HttpServer[];
  readonly fallback: HttpServer;
  /** There is nothing to choose, and no name to catch anything. */
  readonly plain: boolean;
}

/** An `http` block, compiled: a pure function of it, swapped as a whole by a reload. */
export interface Router {
  /** Undefined where none is written. */
  readonly block: Block | undefined;
  readonly servers: readonly HttpServer[];
  readonly byListen: ReadonlyMap<string, Candidates>;
  readonly maps: ReadonlyMap<string, VariableMap>;
  readonly formats: ReadonlyMap<string, LogFormat>;
}

/** The address of a server that has no `listen`, as in nginx: port 80 for root, else 8000. */
function impliedListen(): Listen {
  const port = process.getuid?.() === 0 ? 80 : 8000;
  return {
    key: `0.0.0.0:${port}`,
    host: '0.0.0.0',
    port,
    path: '',
    defaultServer: false,
    ipv6only: true,
    ssl: false,
    http2: false,
    proxyProtocol: false,
    backlog: null,
    keepalive: null,
  };
}

/** The addresses of a `server` block. */
export function listensOf(server: Block): readonly Listen[] {
  const { listen } = settingsOf(server, serverTable);
  return listen.length > 0 ? listen : [impliedListen()];
}

/** Compiles a tree, in slices; patterns and addresses in it have been checked when it was read. */
export function* compilingRouter(tree: Block, modules: readonly HttpModule[]): Sliced<Router> {
  const http = childrenOf(tree, 'http')[0];
  const servers: HttpServer[] = [];
  for (const block of childrenOf(http, 'server')) {
    servers.push({
      block,
      names: settingsOf(block, serverTable).server_name,
      listens: listensOf(block),
      conf: settingsOf(block, serverTable),
      tls: settingsOf(block, tlsTable),
      place: yield* compilePlace(block, null, null, modules),
    });
  }
  const byListen = new Map<string, { servers: HttpServer[]; fallback: HttpServer }>();
  for (const server of servers) {
    for (const listen of server.listens) {
      const known = byListen.get(listen.key);
      if (known === undefined) byListen.set(listen.key, { servers: [server], fallback: server });
      else {
        if (!known.servers.includes(server)) known.servers.push(server);
        if (listen.defaultServer) known.fallback = server;
      }
    }
  }
  const byKey = [...byListen].map(([key, { servers: all, fallback }]) => {
    const plain = all.length === 1 && !fallback.names.some((name) => name.startsWith('~'));
    return [key, { servers: all, fallback, plain }] as const;
  });
  const formats = ((http?.settings['log_format'] ?? []) as readonly LogFormat[]).map(
    (format) => [format.name, format] as const,
  );
  const maps = ((http?.settings['map'] ?? []) as readonly VariableMap[]).map(
    (map) => [map.variable, map] as const,
  );
  return {
    block: http,
    servers,
    byListen: new Map(byKey),
    maps: new Map(maps),
    formats: new Map([['combined', COMBINED], ...formats]),
  };
}

const NO_LOCATIONS: Locations = { exact: new Map(), named: new Map(), prefixes: [], patterns: [] };

function* compilePlace(
  block: Block,
  match: LocationMatch | null,
  outer: Place | null,
  modules: readonly HttpModule[],
): Sliced<Place> {
  yield;
  const exception = childrenOf(block, 'limit_except')[0];
  const conf = settingsOf(block, locationTable);
  const place: { -readonly [K in keyof Place]: Place[K] } = {
    block,
    match,
    conf,
    logs: settingsOf(block, accessLogTable).access_log,
    files: documentRootOf(block, match, outer),
    types: new Map(block.settings['types'] as readonly (readonly [string, string])[]),
    access: accessRules(block),
    users: usersOf(settingsOf(block, authBasicTable)),
    satisfy: settingsOf(block, satisfyTable).satisfy,
    steady:
      conf.expires.kind === 'off' &&
      constantOf(conf.limit_rate) === '0' &&
      conf.add_header.every(({ value }) => constantOf(value) !== null),
    gzip: gzipOf(settingsOf(block, gzipTable)),
    realIp: realIpOf(settingsOf(block, realIpTable)),
    limitExcept: exception === undefined ? null : limitExceptOf(exception),
    rewrite: [],
    handlers: modules.flatMap((module) => bind(module, block)),
    locations: NO_LOCATIONS,
  };
  place.locations = yield* compileLocations(block, (inner) =>
    compilePlace(inner, inner.value as LocationMatch, place, modules),
  );
  place.rewrite = rewriteSteps(block, (inner) => atOnce(compilePlace(inner, match, place, modules)));
  return place;
}

function bind(module: HttpModule, block: Block): readonly BoundHandler[] {
  const { content } = module;
  if (content === undefined) return [];
  const conf = settingsOf(block, content.table) as never;
  if (!content.enabled(conf)) return [];
  return [{ name: module.name, handle: (exchange) => content.handle(exchange, conf) }];
}

function documentRootOf(block: Block, match: LocationMatch | null, outer: Place | null): DocumentRoot {
  const entries = (block.settings['document_root'] ?? []) as readonly GroupEntry[];
  const entry = entries.at(-1);
  if (entry === undefined) return { kind: 'root', path: literal('html'), prefix: null };
  // An alias that comes from the block around it goes on replacing that block's prefix.
  if (outer !== null && outer.block.settings['document_root'] === entries) return outer.files;
  const prefix = match === null || match.kind === 'pattern' || match.kind === 'named' ? null : match.uri;
  return { kind: entry.name as 'root' | 'alias', path: entry.value as Template, prefix };
}

function gzipOf(conf: Settings<typeof gzipTable>): Gzip | null {
  if (!conf.gzip) return null;
  return {
    types: new Set(conf.gzip_types),
    least: conf.gzip_min_length,
    level: conf.gzip_comp_level,
    vary: conf.gzip_vary,
    old: conf.gzip_http_version === '1.0',
    proxied: conf.gzip_proxied,
  };
}

function limitExceptOf(block: Block): Place['limitExcept'] {
  const methods = new Set(block.value as readonly string[]);
  if (methods.has('GET')) methods.add('HEAD');
  return { methods, access: accessRules(block), users: usersOf(settingsOf(block, authBasicTable)) };
}

function accessRules(block: Block): readonly AccessRule[] {
  const entries = (block.settings['access_rules'] ?? []) as readonly GroupEntry[];
  return entries.map((entry) => ({
    allow: entry.name === 'allow',
    matches: networkTest(entry.value as string),
  }));
}

function* compileLocations(block: Block, compile: (inner: Block) => Sliced<Place>): Sliced<Locations> {
  const exact = new Map<string, Place>();
  const named = new Map<string, Place>();
  const prefixes: { prefix: string; only: boolean; place: Place }[] = [];
  const patterns: { pattern: RegExp; place: Place }[] = [];
  for (const inner of childrenOf(block, 'location')) {
    const match = inner.value as LocationMatch;
    const place = yield* compile(inner);
    if (match.kind === 'exact') exact.set(match.uri, place);
    else if (match.kind === 'named') named.set(match.uri, place);
    else if (match.kind === 'pattern') patterns.push({ pattern: regExpOf(match.pattern), place });
    else prefixes.push({ prefix: match.uri, only: match.kind === 'prefix-only', place });
  }
  prefixes.sort((a, b) => b.prefix.length - a.prefix.length);
  return { exact, named, prefixes, patterns };
}

/** The location of a path, and what its pattern caught. */
export interface Found {
  readonly place: Place;
  readonly match: RegExpExecArray | null;
}

/**
 * Finds the location of a decoded path as nginx does: an exact one ends the search; else the longest prefix is kept,
 * its inside is searched, and unless it said `^~` or a pattern inside matched, the first pattern here goes before it.
 */
export function findLocation(around: Place, uri: string): Found {
  return search(around, uri).found;
}

function search(around: Place, uri: string): { readonly found: Found; readonly final: boolean } {
  const { exact, prefixes, patterns } = around.locations;
  const same = exact.get(uri);
  if (same !== undefined) return { found: { place: same, match: null }, final: true };
  const prefix = prefixes.find((candidate) => uri.startsWith(candidate.prefix));
  let found: Found = { place: around, match: null };
  if (prefix !== undefined) {
    const inside = search(prefix.place, uri);
    if (inside.final) return inside;
    found = inside.found;
    if (prefix.only) return { found, final: false };
  }
  for (const { pattern, place } of patterns) {
    const match = pattern.exec(uri);
    if (match === null) continue;
    const inside = search(place, uri).found;
    return { found: { place: inside.place, match: inside.match ?? match }, final: true };
  }
  return { found, final: false };
}

/** The server of an address that a host belongs to, and what its name's pattern caught. */
export function chooseServer(
  router: Router,
  listenKey: string,
  host: string | null,
): { readonly server: HttpServer; readonly match: RegExpExecArray | null } | undefined {
  const candidates = router.byListen.get(listenKey);
  if (candidates === undefined) return undefined;
  if (candidates.plain) return { server: candidates.fallback, match: null };
  const named = chooseByName(candidates.servers, host ?? '');
  if (named === undefined) return { server: candidates.fallback, match: null };
  if (named.names.some((name) => name.toLowerCase() === (host ?? ''))) return { server: named, match: null };
  for (const name of named.names) {
    const match = name.startsWith('~') ? serverNamePattern(name)?.exec(host ?? '') : null;
    if (match !== null && match !== undefined) return { server: named, match };
  }
  return { server: named, match: null };
}
