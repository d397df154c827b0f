import { isDeepStrictEqual } from 'node:util';
import { type Block, childrenOf } from '../config/block.ts';
import type { Sliced } from '../config/slices.ts';
import type { Step } from '../core/reload/plan.ts';
import type { ReportEntry } from '../core/reload/report.ts';
import { changedSettings } from '../core/services.ts';
import type { TlsIdentity } from './connections/tls.ts';
import type { HttpServer, Router } from './router.ts';
import type { LocationMatch } from './tables/location-table.ts';

/** Everything requests are answered by: routes, and the certificates as they were read, by address. */
export interface Served {
  readonly router: Router;
  readonly identities: ReadonlyMap<string, TlsIdentity>;
}

/** Tells what takes effect with the next request when `after` takes the place of `before`; nothing is left to be done. */
export function* serverSteps(before: Served, after: Served): Sliced<readonly Step[]> {
  const steps: Step[] = [];
  const left = new Map(before.router.servers.map((server) => [labelOf(server), server] as const));
  for (const server of after.router.servers) {
    const name = labelOf(server);
    const known = left.get(name);
    left.delete(name);
    if (known === undefined) steps.push(told('http server', name, 'started'));
    else {
      const renewed = hasNewCertificate(known, before, server, after);
      steps.push(
        ...blockSteps('http server', name, known.block, server.block, renewed ? ['certificate'] : []),
      );
      steps.push(...(yield* locationSteps(name, known.block, server.block)));
    }
    yield;
  }
  for (const name of left.keys()) steps.push(told('http server', name, 'closed'));
  return [...steps, ...commonSteps(before.router.block, after.router.block)];
}

function told(kind: ReportEntry['kind'], name: string, outcome: ReportEntry['outcome']): Step {
  return { entry: { kind, name, outcome } };
}

function labelOf({ names, listens }: HttpServer): string {
  const listen = listens[0]!;
  const address = listen.path !== '' ? listen.key : `http:${listen.port}`;
  const name = names.find((candidate) => candidate !== '');
  return name === undefined ? address : `${address}/${name}`;
}

/** The block itself: kept, or with the settings that differ and are not just those of the block around it. */
function blockSteps(
  kind: 'http server' | 'location',
  name: string,
  before: Block,
  after: Block,
  more: readonly string[],
  around?: readonly [before: Block, after: Block],
): readonly Step[] {
  const own = changedSettings(before.settings, after.settings).filter(
    (setting) => around === undefined || !follows(setting, [before, after], around),
  );
  const changed = [...new Set([...own, ...changedInside(before, after), ...more])];
  if (changed.length === 0) return kind === 'location' ? [] : [told(kind, name, 'kept')];
  return [{ entry: { kind, name, outcome: 'updated', changed }, before, after }];
}

/** Whether a setting changed only as it did around the block. */
function follows(
  setting: string,
  [before, after]: readonly [Block, Block],
  [outerBefore, outerAfter]: readonly [Block, Block],
): boolean {
  return (
    isDeepStrictEqual(before.settings[setting], outerBefore.settings[setting]) &&
    isDeepStrictEqual(after.settings[setting], outerAfter.settings[setting])
  );
}

/** Blocks that are no locations count as settings of the block they stand in. */
function changedInside(before: Block, after: Block): readonly string[] {
  const inside = (block: Block): readonly Block[] => block.children.filter(({ name }) => name !== 'location');
  if (isDeepStrictEqual(inside(before), inside(after))) return [];
  const names = new Set([...inside(before), ...inside(after)].map(({ name }) => name));
  return [...names].filter((name) => !isDeepStrictEqual(childrenOf(before, name), childrenOf(after, name)));
}

function* locationSteps(label: string, before: Block, after: Block): Sliced<readonly Step[]> {
  const steps: Step[] = [];
  const left = new Map(childrenOf(before, 'location').map((block) => [block.key, block] as const));
  for (const location of childrenOf(after, 'location')) {
    const name = nameOf(label, location);
    const known = left.get(location.key);
    left.delete(location.key);
    if (known === undefined) steps.push(told('location', name, 'started'));
    else {
      steps.push(...blockSteps('location', name, known, location, [], [before, after]));
      steps.push(...(yield* locationSteps(label, known, location)));
    }
    yield;
  }
  for (const gone of left.values()) steps.push(told('location', nameOf(label, gone), 'closed'));
  if (steps.length === 0 && !isDeepStrictEqual(orderOf(before), orderOf(after))) {
    steps.push({
      entry: { kind: 'location', name: label, outcome: 'updated', changed: ['order of patterns'] },
    });
  }
  return steps;
}

/** Only patterns are tried in the order of the file. */
function orderOf(block: Block): readonly string[] {
  return childrenOf(block, 'location')
    .map(({ key }) => key)
    .filter((key) => key.startsWith('pattern '));
}

const MARKS: Readonly<Record<LocationMatch['kind'], string>> = {
  exact: '= ',
  'prefix-only': '^~ ',
  pattern: '~ ',
  prefix: '',
  named: '',
};

function nameOf(label: string, location: Block): string {
  const match = location.value as LocationMatch;
  return `${label} ${MARKS[match.kind]}${match.uri}`;
}

/** What `http` says for all servers together, such as `map` and `log_format`. */
function commonSteps(before: Block | undefined, after: Block | undefined): readonly Step[] {
  if (before === undefined || after === undefined) return [];
  const ofServers = new Set(
    [...childrenOf(before, 'server'), ...childrenOf(after, 'server')].flatMap(({ settings }) =>
      Object.keys(settings),
    ),
  );
  const changed = changedSettings(before.settings, after.settings).filter((name) => !ofServers.has(name));
  if (changed.length === 0) return [];
  return [{ entry: { kind: 'setting', name: 'http', outcome: 'updated', changed }, before, after }];
}

/** Whether the files of its certificate hold another one under the same names. */
function hasNewCertificate(known: HttpServer, before: Served, server: HttpServer, after: Served): boolean {
  const [old, fresh] = [certificateOf(known, before), certificateOf(server, after)];
  return (
    old !== undefined && fresh !== undefined && old !== fresh && isDeepStrictEqual(known.tls, server.tls)
  );
}

function certificateOf(server: HttpServer, { identities }: Served): string | undefined {
  for (const { key } of server.listens) {
    const digest = identities.get(key)?.certificates.get(server);
    if (digest !== undefined) return digest;
  }
  return undefined;
}
