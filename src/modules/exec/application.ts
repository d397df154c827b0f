import { basename, dirname, parse } from 'node:path';
import type { OrderedSetting } from '../../config/block.ts';
import { orderedSettings } from '../../config/block.ts';
import type { Recording, RecordingEnd } from '../../core/applications/recordings.ts';
import { type Client, isSilent } from '../../core/applications/request.ts';
import { maskedName } from '../../core/logs/log.ts';
import type { ApplicationContext, Service } from '../../core/module.ts';
import type { ExecGround } from './child.ts';
import { Children } from './children.ts';
import { type Command, commandOf, UnsafeValue } from './command.ts';
import { type ExecLine, linesFor, linesOf, type Occasion, recordingLines } from './line.ts';
import { runOnce } from './once.ts';
import { Pulls } from './pulls.ts';
import { type ApplicationSettings, EXEC_GROUP } from './table.ts';
import type { Values } from './template.ts';
import type { Warden } from './warden.ts';

/** What a client does with a stream, as far as command lines tell it. */
interface Session {
  readonly client: Client;
  readonly args: string;
}

/** The programs of one stream, kept until the last of them has ended. */
interface Pushed {
  readonly children: Children;
  /** Of the publisher; that of the last one while the stream waits for its return; undefined when it is over. */
  session: Session | undefined;
}

/** Runs the programs of an application. */
export function startApplication(
  conf: ApplicationSettings,
  context: ApplicationContext,
  warden: Warden,
): Service<ApplicationSettings> {
  let current = conf;
  let lines = linesOf(orderedSettings(conf, EXEC_GROUP));
  const { application, hub, log } = context;
  const ground: ExecGround = { application: application.name, hub, log, warden, conf: () => current };
  const respawn = (): boolean => current.respawn;

  const commands = (
    occasion: Occasion,
    name: string,
    values: Values,
    among: readonly ExecLine[] = lines,
  ): readonly Command[] =>
    linesFor(among, occasion, name).flatMap((line) => {
      try {
        return [commandOf(line, values)];
      } catch (error) {
        if (!(error instanceof UnsafeValue)) throw error;
        const fields = { directive: line.directive, stream: maskedName(name), program: line.program };
        log.error({ ...fields, reason: error.message }, 'program not started');
        return [];
      }
    });
  const once = (occasion: Occasion, name: string, session: Session): void => {
    if (isSilent(session.client)) return;
    const values = sessionValues(application.name, name, session);
    for (const command of commands(occasion, name, values)) runOnce(ground, command);
  };

  const recorded = (recording: Recording, end: RecordingEnd | null): void => {
    const { recorder, path, request } = recording;
    const { size, duration } = end ?? { size: 0, duration: 0 };
    const values = {
      ...sessionValues(application.name, request.name, request),
      ...{ recorder, path, filename: basename(path), basename: parse(path).name, dirname: dirname(path) },
      ...{ size: String(size), duration: String(duration) },
    };
    const occasion = end === null ? 'record_started' : 'record_done';
    const among = recordingLines(orderedSettings(current.within[recorder] ?? current, EXEC_GROUP), occasion);
    for (const command of commands(occasion, request.name, values, among)) runOnce(ground, command);
  };

  const pushed = new Map<string, Pushed>();
  const push = (name: string, session: Session | undefined): void => {
    let one = pushed.get(name);
    if (one === undefined) {
      if (session === undefined || !lines.some(({ occasion }) => occasion === 'push')) return;
      for (const [other, { session: busy, children }] of pushed) {
        if (busy === undefined && children.idle) pushed.delete(other);
      }
      one = { session, children: new Children(ground, respawn) };
      pushed.set(name, one);
    }
    one.session = session;
    one.children.reconcile(
      session === undefined ? [] : commands('push', name, sessionValues(application.name, name, session)),
    );
  };
  const publishing = (): void => {
    for (const { stream, request } of application.publications) {
      if (!isSilent(request.client)) push(stream.name, request);
    }
  };

  const pulls = new Pulls(
    (name) => commands('pull', name, { name, app: application.name }),
    (name) => application.has(name),
    () => new Children(ground, respawn),
  );

  const statics = new Children(ground, () => true);
  const runStatics = (): void => {
    // Of several workers the first runs them.
    if (hub.workers.index === 1) statics.reconcile(staticCommands(lines, ['application']));
  };

  context.origin((request, mayWait) => pulls.fetch(request, mayWait));
  context.observe({
    published(publication) {
      const { stream, request } = publication;
      pulls.published(publication);
      once('publish', stream.name, request);
      if (!isSilent(request.client)) push(stream.name, request);
    },
    unpublished: ({ stream, request }) => once('publish_done', stream.name, request),
    ended({ name }) {
      push(name, undefined);
      pulls.ended(name);
    },
    played(subscription) {
      pulls.played(subscription);
      once('play', subscription.stream.name, subscription.request);
    },
    unplayed(subscription) {
      pulls.unplayed(subscription);
      once('play_done', subscription.stream.name, subscription.request);
    },
  });
  context.own(application.loans.observe(pulls));
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
  runStatics();
  publishing();
  for (const subscription of application.subscriptions) pulls.played(subscription);

  return {
    update(next) {
      current = next;
      lines = linesOf(orderedSettings(next, EXEC_GROUP));
      runStatics();
      for (const [name, { session }] of pushed) push(name, session);
      publishing();
      pulls.update();
      return true;
    },
    close() {
      statics.close();
      for (const { children } of pushed.values()) children.close();
      pulls.close();
    },
  };
}

/** The programs of `exec_static` that stand in blocks of these kinds. */
export function staticCommands(
  lines: readonly ExecLine[],
  levels: readonly ExecLine['level'][],
): readonly Command[] {
  return lines
    .filter(({ occasion, level }) => occasion === 'static' && levels.includes(level))
    .map((line) => commandOf(line, null));
}

/** Whether a block has programs that a service runs for it. */
export function hasPrograms(
  settings: readonly OrderedSetting[],
  levels?: readonly ExecLine['level'][],
): boolean {
  return linesOf(settings).some(
    ({ occasion, level }) => levels === undefined || (occasion === 'static' && levels.includes(level)),
  );
}

function sessionValues(app: string, name: string, { client, args }: Session): Values {
  const { address: addr, flashver, swfurl, tcurl, pageurl } = client;
  return { name, args, app, addr, flashver, swfurl, tcurl, pageurl };
}
