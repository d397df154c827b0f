import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import type { Recording, RecordingEnd } from '../../core/applications/recordings.ts';
import { Refused } from '../../core/applications/refused.ts';
import { isSilent, type Request } from '../../core/applications/request.ts';
import type { ApplicationContext, Service } from '../../core/module.ts';
import { PeerUrlError, readPeerUrl } from '../../rtmp/peer.ts';
import type { Limits, Verdict } from './answer.ts';
import { Calls } from './calls.ts';
import { doneMessage, playMessage, publishMessage, recordMessage } from './fields.ts';
import { PlaylistNotices } from './playlists.ts';
import { refusal } from './refusal.ts';
import { Sessions } from './sessions.ts';
import type { StreamSettings } from './table.ts';

type Allowed = Verdict & { readonly allow: true };

/** What is known of a request that was asked about. */
interface Asked {
  /** The name in the client's command, which callbacks go on with whatever an answer made of it. */
  readonly name: string;
  /** What the answer said of the session to come. */
  readonly expires?: number;
  readonly limits?: Limits;
}

const HOOKS = [
  'on_publish',
  'on_play',
  'on_publish_done',
  'on_play_done',
  'on_done',
  'on_update',
  'on_record_started',
  'on_record_done',
  'on_playlist',
] as const;

/** Characters of a client's query: tokens run to some kilobytes, messages to megabytes. */
const MAX_ARGS = 16_384;

/** Asks about publishers and players of an application, at their start and in between, and tells of their end. */
export function startStreams(settings: StreamSettings, context: ApplicationContext): Service<StreamSettings> {
  let conf = settings;
  let closed = false;
  const { application, hub, log, prefix } = context;
  const place = { server: application.server, application: application.name };
  const calls = new Calls(conf, place, { hub, log, prefix });
  const asked = new WeakMap<Request, Asked>();
  /** Allowed by an answer, and not yet let in. */
  const allowed = new WeakSet<Request>();
  const nameOf = (request: Request): string => asked.get(request)?.name ?? request.name;

  const done = (request: Request): void => {
    if (isSilent(request.client)) return;
    const { action } = request;
    const name = nameOf(request);
    const hook = `on_${action}_done` as const;
    const url = conf[hook];
    if (url !== null) calls.tell(hook, url, doneMessage(request, `${action}_done`, name));
    if (conf.on_done !== null) calls.tell('on_done', conf.on_done, doneMessage(request, 'done', name));
  };

  const recorded = (recording: Recording, end: RecordingEnd | null): void => {
    const hook = end === null ? 'on_record_started' : 'on_record_done';
    const url = (conf.within[recording.recorder] ?? conf)[hook];
    if (url !== null) calls.tell(hook, url, recordMessage(recording, nameOf(recording.request), end));
  };

  const ask = async (request: Request, url: string): Promise<void> => {
    const { name, action } = request;
    const publish = action === 'publish';
    const message = publish ? publishMessage(request, name) : playMessage(request, name);
    const outcome = await calls.ask(publish ? 'on_publish' : 'on_play', url, message);
    if (outcome.allow !== true) throw refusal(outcome, action);
    apply(request, outcome, conf);
    const { expires, limits } = outcome;
    asked.set(request, {
      name,
      ...(expires === undefined ? {} : { expires }),
      ...(limits === undefined ? {} : { limits }),
    });
    allowed.add(request);
    if (request.action === 'play' && request.name !== name) sessions.checkPlayers(request.name);
    // Nobody is left to hear of it if it comes to nothing from here on.
    if (closed) done(request);
  };

  const sessions = new Sessions(
    application,
    calls,
    () => conf,
    (request) => asked.get(request) ?? request,
  );

  context.gate((request) => {
    if (isSilent(request.client)) return;
    if (request.args.length > MAX_ARGS) throw new Refused('bad-name', 'the query of the stream is too long');
    asked.set(request, { name: request.name });
    const url = request.action === 'publish' ? conf.on_publish : conf.on_play;
    if (request.action === 'play') sessions.checkPlayers(request.name);
    if (url !== null) return ask(request, url);
  });
  context.observe({
    published: (publication) => {
      allowed.delete(publication.request);
      sessions.begin(publication);
    },
    unpublished: (publication) => {
      sessions.end(publication);
      done(publication.request);
    },
    played: (subscription) => {
      allowed.delete(subscription.request);
      sessions.begin(subscription);
    },
    unplayed: (subscription) => {
      sessions.end(subscription);
      done(subscription.request);
    },
    refused: (request) => {
      if (allowed.delete(request)) done(request);
    },
  });
  context.own(
    application.recorders.observe({
      started: (recording) => recorded(recording, null),
      ended(recording) {
        void recording.finished.then((end) => {
          if (end !== null) recorded(recording, end);
        });
      },
    }),
  );
  const notices = new PlaylistNotices(calls, () => conf.on_playlist);
  context.own(application.playlists.observe((update) => notices.tell(update, nameOf(update.request))));
  for (const hook of HOOKS) context.own(hub.callbacks.add(() => calls.status(hook, conf[hook])));
  sessions.beginAll();
  return {
    update(next) {
      const before = conf;
      conf = next;
      calls.update(next);
      sessions.changed(before);
      return true;
    },
    close() {
      closed = true;
      sessions.close();
    },
  };
}

/** Carries out what an answer wishes of a request. Throws Refused. */
function apply(request: Request, verdict: Allowed, conf: StreamSettings): void {
  const { relay } = verdict;
  const redirect = verdict.redirect ?? (conf.notify_send_redirect ? relay : undefined);
  if (redirect !== undefined) throw new Refused('denied', 'Connect here', redirect);
  if (verdict.name !== undefined) request.name = verdict.name;
  if (relay !== undefined) {
    if (conf.notify_no_resolve && !isLiteral(relay)) {
      request.client.log.warn('an answer redirects to a host name, which notify_no_resolve forbids');
      throw new Refused('denied', `${request.action} is not allowed`);
    }
    if (conf.notify_relay_redirect) request.name = createHash('md5').update(relay).digest('hex');
  }
  if (request.action === 'publish') {
    const more = [...(relay === undefined ? [] : [relay]), ...(verdict.push ?? [])];
    if (more.length > 0) request.targets = [...(request.targets ?? []), ...more];
  } else {
    const source = verdict.pull ?? relay;
    if (source !== undefined) request.source = source;
  }
}

/** Whether a relay URL has an IP address for its host. */
function isLiteral(url: string): boolean {
  try {
    return isIP(readPeerUrl(url).address.host) !== 0;
  } catch (error) {
    if (error instanceof PeerUrlError) return false;
    throw error;
  }
}
