import { checkAccess } from './access.ts';
import type { ErrorPage } from './answer-values.ts';
import type { Answer, Exchange } from './exchange.ts';
import { type Jump, serveFile, tryFiles } from './files.ts';
import { redirectAnswer } from './redirect.ts';
import { respond } from './respond.ts';
import { rewrite } from './rewrite.ts';
import { isRedirect } from './rewrite-table.ts';
import { findLocation } from './router.ts';
import { normalizePath } from './uri.ts';
import { keepCaptures, textOf } from './variables.ts';

/** Rewrites and internal redirects one request may make. */
const MOST_TURNS = 10;

/** Answers a request: rewrite, location, access, content, error pages, headers. Never rejects. */
export async function serve(exchange: Exchange): Promise<void> {
  let outcome = await guarded(exchange, () => run(exchange, 'server'));
  while (outcome !== 'taken') {
    const page = errorPageOf(exchange, outcome);
    if (page === null) break;
    const failed = outcome;
    outcome = await guarded(exchange, () => showErrorPage(exchange, page, failed));
  }
  if (outcome !== 'taken') respond(exchange, outcome);
}

/** A fault in here is answered with 500 and ends nothing but this request. */
async function guarded(exchange: Exchange, work: () => Promise<Answer | 'taken'>): Promise<Answer | 'taken'> {
  try {
    return await work();
  } catch (error) {
    exchange.log.error({ err: error }, 'a request failed');
    return { status: 500 };
  }
}

type Stage = 'server' | 'location' | 'here';

async function run(exchange: Exchange, start: Stage): Promise<Answer | 'taken'> {
  let stage = start;
  for (;;) {
    const outcome = await pass(exchange, stage);
    if (outcome === 'taken' || 'status' in outcome) return outcome;
    exchange.turns += 1;
    if (exchange.turns > MOST_TURNS) {
      exchange.log.error('rewrite or internal redirection cycle');
      return { status: 500, reason: 'rewrite or internal redirection cycle' };
    }
    if ('moved' in outcome) stage = 'location';
    else {
      const next = jump(exchange, outcome);
      if (typeof next !== 'string') return next;
      stage = next;
    }
  }
}

/** Goes once through the phases; says where the request goes on if it is not answered. */
async function pass(
  exchange: Exchange,
  stage: Stage,
): Promise<Answer | 'taken' | Jump | { readonly moved: true }> {
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
  return checkAccess(exchange) ?? content(exchange);
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

async function content(exchange: Exchange): Promise<Answer | 'taken' | Jump> {
  const tried = await tryFiles(exchange);
  if (tried !== null) return tried;
  for (const handler of exchange.place.handlers) {
    const outcome = await handler.handle(exchange);
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

async function showErrorPage(exchange: Exchange, page: ErrorPage, answer: Answer): Promise<Answer | 'taken'> {
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
