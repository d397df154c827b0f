import { orderedSettings } from '../../config/block.ts';
import type { ServerContext, Service } from '../../core/module.ts';
import { staticCommands } from './application.ts';
import type { ExecGround } from './child.ts';
import { Children } from './children.ts';
import type { Command } from './command.ts';
import { linesOf } from './line.ts';
import { EXEC_GROUP, type ExecSettings } from './table.ts';
import type { Warden } from './warden.ts';

/** Programs written in `rtmp`: every server has them among its settings, and each runs once. */
export class SharedStatics {
  readonly #wanted = new Map<ExecGround, readonly Command[]>();
  #children: Children | undefined;

  /** Says what a server has; with nothing, it has gone. */
  set(ground: ExecGround, commands: readonly Command[]): void {
    this.#children ??= new Children(
      { ...ground, conf: () => ([...this.#wanted.keys()].at(-1) ?? ground).conf() },
      () => true,
    );
    this.#wanted.delete(ground);
    if (commands.length > 0) this.#wanted.set(ground, commands);
    // During a reload some servers have the new lines already, and come last, and some the old ones still.
    this.#children.reconcile([...this.#wanted.values()].at(-1) ?? []);
  }
}

/** Runs the programs of `exec_static` of a server and, together with other servers, those of `rtmp`. */
export function startStatics(
  conf: ExecSettings,
  { hub, log }: ServerContext,
  warden: Warden,
  shared: SharedStatics,
): Service<ExecSettings> {
  let current = conf;
  const ground: ExecGround = { application: '', hub, log, warden, conf: () => current };
  const own = new Children(ground, () => true);
  const run = (): void => {
    // Of several workers the first runs them.
    const lines = hub.workers.index === 1 ? linesOf(orderedSettings(current, EXEC_GROUP)) : [];
    own.reconcile(staticCommands(lines, ['rtmp_server']));
    shared.set(ground, staticCommands(lines, ['rtmp']));
  };
  run();
  return {
    update(next) {
      current = next;
      run();
      return true;
    },
    close() {
      own.close();
      shared.set(ground, []);
    },
  };
}
