import { type Jump, serveFile, tryFiles } from './answers/files.ts';
import { compressed } from './answers/gzip.ts';
import { respond } from './answers/respond.ts';
import { checkAccess } from './phases/access.ts';
import { rewrite } from './phases/rewrite.ts';
import type { Answer, Exchange } from './requests/exchange.ts';
import { redirectAnswer } from './requests/redirect.ts';
import { keepCaptures, textOf } from './requests/variables.ts';
import { findLocation } from './router.ts';
import { isRedirect } from './tables/rewrite-table.ts';
import type { ErrorPage } from './values/answer-values.ts';
import { normalizePath } from './values/uri.ts';

/** Rewrites and internal redirects one request may make. */
const MOST_TURNS = 10;

/** What a pass through the phases comes to; `taken`: somebody writes to the connection himself. */
type Outcome = Answer | 'taken';

/**
 * Answers a request: rewrite, location, access, content, error pages, headers. Never throws. What needs no waiting is
 * answered before it returns.
 */
export function serve(exchange: Exchange): void {
  const outcome = guarded(exchange, () => run(exchange, 'server'));
  if (outcome instanceof Promise) void outcome.then((late) => finish(exchange, late));
  else finish(exchange, outcome);
}

function finish(exchange: Exchange, outcome: Outcome): void {
  if (outcome === 'taken') return;
  const page = errorPageOf(exchange, outcome);
  if (page === null) {
    send(exchange, outcome);
    return;
  }
  const shown = guarded(exchange, () => showErrorPage(exchange, page, outcome));
  if (shown instanceof Promise) void shown.then((late) => finish(exchange, late));
  else finish(exchange, shown);
}

function send(exchange: Exchange, answer: Answer): void {
  const failing = (error: unknown): void => {
    exchange.log.error({ err: error }, 'an answer could not be sent');
    exchange.reply.destroy();
  };
  try {
    const last = compressed(exchange, answer);
    if (last instanceof Promise) last.then((late) => respond(exchange, late)).catch(failing);
    else respond(exchange, last);
  } catch (error) {
    failing(error);
  }
}

/** A fault in here is answered with 500 and ends nothing but this request. */
function guarded(exchange: Exchange, work: () => Outcome | Promise<Outcome>): Outcome | Promise<Outcome> {
  try {
    const outcome = work();
    return outcome instanceof Promise ? outcome.catch((error) => failed(exchange, error)) : outcome;
  } catch (error) {
    return failed(exchange, error);
  }
}

function failed(exchange: Exchange, error: unknown): Answer {
  exchange.log.error({ err: error }, 'a request failed');
  return { status: 500 };
}

type Stage = 'server' | 'location' | 'here';

/** Where a request goes on that a pass has not answered. */
type Turn = Jump | { readonly moved: true };

function run(exchange: Exchange, stage: Stage): Outcome | Promise<Outcome> {
  const outcome = pass(exchange, stage);
  if (outcome instanceof Promise) return outcome.then((late) => follow(exchange, late));
  return follow(exchange, outcome);
}

function follow(exchange: Exchange, outcome: Outcome | Turn): Outcome | Promise<Outcome> {
  if (outcome === 'taken' || 'status' in outcome) return outcome;
  exchange.turns += 1;
  if (exchange.turns > MOST_TURNS) {
    exchange.log.error('rewrite or internal redirection cycle');
    return { status: 500, reason: 'rewrite or internal redirection cycle' };
  }
  if ('moved' in outcome) return run(exchange, 'location');
  const next = jump(exchange, outcome);
  return typeof next === 'string' ? run(exchange, next) : next;
}

/** Goes once through the phases; says where the request goes on if it is not answered. */
function pass(exchange: Exchange, stage: Stage): Outcome | Turn | Promise<Outcome | Jump> {
  if (stage === 'server') {
    exchange.place = exchange.server.place;
    findClient(exchange);
    const outcome = rewrite(exchange, exchange.place.rewrite);
    if (typeof outcome === 'object') return outcome;
  }
  if (stage !== 'here') {
    const { place, match } = findLocation(exchange.server.place, exchange.uri);
    exchange.place = place;
    if (match !== null) keepCaptures(match, exchange);
  }
  const { place } = exchange;
  findClient(exchange);
  if (place.conf.internal && !exchange.internal) return { status: 404 };
  if (isTooLarge(exchange)) return { status: 413 };
  if (place !== exchange.server.place) {
    const outcome = rewrite(exchange, place.rewrite);
    if (typeof outcome === 'object') return outcome;
    if (outcome === 'moved') return { moved: true };
  }
  const refusal = checkAccess(exchange);
  if (refusal instanceof Promise) return refusal.then((late) => late ?? content(exchange));
  return refusal ?? content(exchange);
}

/** Once a place has found the client behind its proxies, that is who it is. */
function findClient(exchange: Exchange): void {
  const { connection, place } = exchange;
  if (exchange.address !== connection.address || exchange.port !== connection.port) return;
  const client = place.realIp?.(exchange) ?? null;
  if (client === null) return;
  exchange.address = client.address;
  exchange.port = client.port;
}

function isTooLarge(exchange: Exchange): boolean {
  const most = exchange.place.conf.client_max_body_size;
  return most > 0 && Number(exchange.request.headers['content-length'] ?? 0) > most;
}

function content(exchange: Exchange): Outcome | Jump | Promise<Outcome | Jump> {
  if (exchange.place.conf.try_files === null) return handled(exchange, 0);
  return tryFiles(exchange).then((tried) => tried ?? handled(exchange, 0));
}

/** Asks the handlers from one on, files last. */
function handled(exchange: Exchange, from: number): Outcome | Jump | Promise<Outcome | Jump> {
  const { handlers } = exchange.place;
  for (let i = from; i < handlers.length; i++) {
    const outcome = handlers[i]!.handle(exchange);
    if (outcome instanceof Promise) {
      return outcome.then((late) => (late === 'declined' ? handled(exchange, i + 1) : late));
    }
    if (outcome !== 'declined') return outcome;
  }
  return serveFile(exchange);
}

/** Sets the request on its new way; an answer where there is none. */
function jump(exchange: Exchange, { to }: Jump): Stage | Answer {
  exchange.internal = true;
  if (to.startsWith('@')) {
    const named = exchange.server.place.locations.named.get(to);
    if (named === undefined) {
      exchange.log.error({ location: to }, 'could not find named location');
      return { status: 500, reason: `could not find named location "${to}"` };
    }
    exchange.place = named;
    return 'here';
  }
  const mark = to.indexOf('?');
  const uri = normalizePath(mark < 0 ? to : to.slice(0, mark), false);
  if (uri === null || !uri.startsWith('/'))
    return { status: 500, reason: 'an internal redirect led nowhere' };
  exchange.uri = uri;
  exchange.args = mark < 0 ? '' : to.slice(mark + 1);
  return 'server';
}

/** The page that stands for an answer without a body, where its place has one. */
function errorPageOf(exchange: Exchange, answer: Answer): ErrorPage | null {
  if (answer.body !== undefined || answer.status < 300 || answer.status === 444) return null;
  const { conf } = exchange.place;
  if (exchange.errorShown && !conf.recursive_error_pages) return null;
  if (exchange.turns > MOST_TURNS) return null;
  return conf.error_page.find((page) => page.codes.includes(answer.status)) ?? null;
}

function showErrorPage(exchange: Exchange, page: ErrorPage, answer: Answer): Outcome | Promise<Outcome> {
  exchange.errorShown = true;
  exchange.turns += 1;
  const target = textOf(page.target, exchange);
  if (!target.startsWith('/') && !target.startsWith('@')) {
    const status = typeof page.status === 'number' && isRedirect(page.status) ? page.status : 302;
    return { ...redirectAnswer(exchange, status, target), body: '' };
  }
  exchange.errorStatus = page.status === 'target' ? 0 : (page.status ?? answer.status);
  if (target.startsWith('/') && exchange.method !== 'HEAD') exchange.method = 'GET';
  const stage = jump(exchange, { to: target });
  return typeof stage === 'string' ? run(exchange, stage) : stage;
}
