import { isIP } from 'node:net';
import { type Block, childrenOf } from '../config/block.ts';
import { LoadError } from '../config/config.ts';
import { print as printed } from '../config/print.ts';
import { parseNumber, parseTime } from '../config/values.ts';
import { type Grant, type SignArgs, signedQuery } from '../core/applications/signed-url.ts';
import { plainAddress } from '../core/net/addresses.ts';
import type { ServerSpec } from '../core/server.ts';
import { readConfig } from '../daemon/sources.ts';
import { modules } from '../modules/index.ts';
import { serverSpecs } from '../rtmp/check.ts';
import { RTMP_PORT } from '../rtmp/directives.ts';
import { locate } from './location.ts';
import { complain, print, wantsColour } from './output.ts';
import { type Invocation, type SignTask, UsageError } from './usage.ts';

/** Times above this are seconds since 1970 rather than a while from now. */
const FIRST_MOMENT = 1_000_000_000;

/** `sign`: prints the query of a signed URL, and the URL over RTMP; gives the exit code. */
export function sign(task: SignTask, invocation: Invocation): number {
  const options = locate(invocation);
  const { result, files } = readConfig({ ...options, sources: modules });
  if (result instanceof LoadError) {
    complain(
      printed('text', options.file, result.diagnostics, { files, colour: wantsColour(process.stderr) }),
    );
    return 1;
  }
  const place = find(result.tree, task.stream);
  if (typeof place === 'string') {
    complain(`mediad: ${place}\n`);
    return 1;
  }
  const { server, application, name, key, args } = place;
  const address = addressOf(task, application);
  const prefix = name.endsWith('*');
  const grant: Grant = {
    action: task.action,
    application: application.key,
    name: prefix ? name.slice(0, -1) : name,
    prefix,
    expires: expiryOf(task.expires),
    address,
  };
  const query = signedQuery(grant, key, args);
  const url = `rtmp://${hostOf(server)}/${application.key}/${encodeURI(grant.name)}?${query}`;
  if (invocation.format === 'json') print(`${JSON.stringify({ query, url, expires: grant.expires })}\n`);
  // Without a beginning of names there is none to show.
  else print(grant.name === '' ? `${query}\n` : `${query}\n${url}\n`);
  return 0;
}

interface Place {
  readonly server: ServerSpec;
  readonly application: Block;
  readonly name: string;
  readonly key: string;
  readonly args: SignArgs;
}

/** The application with the longest name that the stream's begins with, or why there is none. */
function find(tree: Block, stream: string): Place | string {
  const all = serverSpecs(tree).flatMap((server) =>
    childrenOf(server.block, 'application').map((application) => ({ server, application })),
  );
  const [found] = all
    .filter(({ application }) => stream.startsWith(`${application.key}/`))
    .sort((a, b) => b.application.key.length - a.application.key.length);
  if (found === undefined) return `there is no application for "${stream}" in the configuration`;
  const { sign_key: keys, sign_args: args } = found.application.settings;
  const [key] = keys as readonly string[];
  if (key === undefined) return `application "${found.application.key}" has no sign_key`;
  return { ...found, key, args: args as SignArgs, name: stream.slice(found.application.key.length + 1) };
}

function addressOf({ address }: SignTask, { key, settings }: Block): string {
  const bound = settings['sign_bind_address'] === true;
  if (!bound && address !== '') throw new UsageError(`application "${key}" does not bind URLs to addresses`);
  if (bound && isIP(address) === 0) {
    throw new UsageError(`application "${key}" binds URLs to addresses: say --address IP`);
  }
  return bound ? plainAddress(address) : '';
}

/** `30m` from now, or a second since 1970. */
function expiryOf(text: string): number {
  const moment = parseNumber(text);
  if (moment !== null && moment >= FIRST_MOMENT) return moment;
  const seconds = parseTime(text, false);
  if (seconds === null || seconds === 0) throw new UsageError(`invalid time "${text}" (for example 30m)`);
  return Math.floor(Date.now() / 1000) + seconds;
}

/** A name that clients may know the server by; its port, where that is not the usual one. */
function hostOf({ names, listens }: ServerSpec): string {
  const listen = listens.find(({ port }) => port > 0);
  const name = names.find((candidate) => /^[a-z0-9][a-z0-9.-]*$/.test(candidate));
  const here = listen === undefined || ['0.0.0.0', '::'].includes(listen.host) ? 'localhost' : listen.host;
  const host = name ?? (here.includes(':') ? `[${here}]` : here);
  return listen === undefined || listen.port === RTMP_PORT ? host : `${host}:${listen.port}`;
}
