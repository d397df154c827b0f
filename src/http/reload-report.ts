import { isDeepStrictEqual } from 'node:util';
import type { Block } from '../config/block.ts';
import type { Report } from '../core/report.ts';
import { changedSettings } from '../core/services.ts';
import type { HttpServer, Router } from './router.ts';

/** Tells what a new router changes; all of it takes effect with the next request. */
export function reportServers(before: Router, after: Router, report: Report): void {
  const left = new Map(before.servers.map((server) => [labelOf(server), server] as const));
  for (const server of after.servers) {
    const name = labelOf(server);
    const known = left.get(name);
    left.delete(name);
    if (known === undefined) report.add({ kind: 'http server', name, outcome: 'started' });
    else {
      const changed = changesOf(known.block, server.block);
      const outcome =
        changed.length === 0 && isDeepStrictEqual(known.block, server.block) ? 'kept' : 'updated';
      report.add({ kind: 'http server', name, outcome, ...(changed.length === 0 ? {} : { changed }) });
    }
  }
  for (const name of left.keys()) report.add({ kind: 'http server', name, outcome: 'closed' });
}

function labelOf({ names, listens }: HttpServer): string {
  const listen = listens[0]!;
  const address = listen.path !== '' ? listen.key : `http:${listen.port}`;
  const name = names.find((candidate) => candidate !== '');
  return name === undefined ? address : `${address}/${name}`;
}

/** The settings that differ, in the block itself or in a location of the same key. */
function changesOf(before: Block, after: Block): readonly string[] {
  const changed = new Set(changedSettings(before.settings, after.settings));
  const known = new Map(before.children.map((block) => [`${block.name} ${block.key}`, block] as const));
  for (const inner of after.children) {
    const outer = known.get(`${inner.name} ${inner.key}`);
    known.delete(`${inner.name} ${inner.key}`);
    if (outer === undefined) changed.add(inner.name);
    else for (const name of changesOf(outer, inner)) changed.add(name);
  }
  for (const gone of known.values()) changed.add(gone.name);
  return [...changed];
}
